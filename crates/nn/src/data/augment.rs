//! Sets of images made from others: turned, or one behind another.

use super::Images;

impl Images {
    /// Every image turned counterclockwise about its centre. A pixel is interpolated between the
    /// four nearest ones (bilinear); outside of the image there are zeros.
    ///
    /// In SciPy this is called `ndimage.rotate(…, reshape=False, order=1)`, up to pixels at the
    /// border, which fade into the zeros here.
    ///
    /// # Panics
    /// If the angle is not finite.
    ///
    /// ```
    /// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    /// let (train, _) = tandem_nn::data::digits(directory)?;
    /// let turned = train.rotated(15.0);
    /// assert_eq!((turned.len(), &turned.labels), (train.len(), &train.labels));
    /// assert_ne!(turned.image(0), train.image(0));
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn rotated(&self, degrees: f64) -> Images {
        assert!(degrees.is_finite(), "rotated() takes a finite angle, found {degrees}");
        let (sin, cos) = degrees.to_radians().sin_cos();
        let [middle_y, middle_x] = [self.height, self.width].map(|length| (length as f64 - 1.0) / 2.0);
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for row in 0..self.len() {
            let image = self.image(row);
            for place in 0..self.height * self.width {
                let (y, x) = ((place / self.width) as f64 - middle_y, (place % self.width) as f64 - middle_x);
                // Where the pixel comes from: turned back. Rows count downwards.
                let (from_y, from_x) = (cos * y + sin * x + middle_y, cos * x - sin * y + middle_x);
                pixels.extend((0..self.channels).map(|channel| self.interpolated(image, from_y, from_x, channel)));
            }
        }
        Images { pixels, labels: self.labels.clone(), ..*self }
    }

    /// The value of one channel of an image between its pixels, each weighted by how near it is.
    fn interpolated(&self, image: &[f32], y: f64, x: f64, channel: usize) -> f32 {
        let mut sum = 0.0;
        for near_y in [y.floor(), y.floor() + 1.0] {
            for near_x in [x.floor(), x.floor() + 1.0] {
                let inside = (0.0..self.height as f64).contains(&near_y) && (0.0..self.width as f64).contains(&near_x);
                if inside {
                    let pixel = image[(near_y as usize * self.width + near_x as usize) * self.channels + channel];
                    sum += (1.0 - (y - near_y).abs()) * (1.0 - (x - near_x).abs()) * f64::from(pixel);
                }
            }
        }
        sum as f32
    }

    /// The images of this set, then those of another.
    ///
    /// # Panics
    /// If the sets differ in the size of their images, in channels or in the number of classes.
    ///
    /// ```
    /// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    /// let (train, test) = tandem_nn::data::digits(directory)?;
    /// let all = train.followed_by(&test);
    /// assert_eq!((all.len(), all.image(1029)), (1797, test.image(0)));
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn followed_by(&self, next: &Images) -> Images {
        let kind = |set: &Images| [set.height, set.width, set.channels, set.classes];
        assert!(
            kind(self) == kind(next),
            "followed_by(): sets of [height, width, channels, classes] {:?} and {:?}",
            kind(self),
            kind(next)
        );
        let (pixels, labels) = ([&*self.pixels, &*next.pixels].concat(), [&*self.labels, &*next.labels].concat());
        Images { pixels, labels, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::digits;
    use super::*;

    fn images(height: usize, width: usize, channels: usize, pixels: Vec<f32>) -> Images {
        Images { height, width, channels, pixels, labels: vec![0], classes: 10 }
    }

    fn close(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn turns_by_right_angles_move_pixels_and_keep_them() {
        // Two channels, so that a mistake in the layout shows.
        let square = images(2, 2, 2, vec![1., 5., 2., 6., 3., 7., 4., 8.]);
        assert!(close(&square.rotated(90.0).pixels, &[2., 6., 4., 8., 1., 5., 3., 7.]));
        let (train, _) = digits(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data")).unwrap();
        assert_eq!(train.rotated(0.0), train);
        let quarters = [90.0; 4].iter().fold(train.clone(), |turned, &quarter| turned.rotated(quarter));
        assert!(close(&quarters.pixels, &train.pixels));
        assert!(close(&train.rotated(20.0).rotated(-90.0).pixels, &train.rotated(-70.0).pixels));
        // Half a turn also keeps an image that is not square.
        let wide = images(1, 3, 1, vec![1., 2., 3.]);
        assert!(close(&wide.rotated(180.0).pixels, &[3., 2., 1.]));
        // An eighth of a turn, by hand: (0, 1) on a 3×3 image comes to (√½, √½), between four pixels.
        let dot = images(3, 3, 1, vec![0., 0., 0., 0., 0., 1., 0., 0., 0.]);
        let (root2, half) = (2f32.sqrt(), 0.5f32.sqrt());
        let beside = half * (1.0 - half);
        assert!(close(&dot.rotated(45.0).pixels, &[0., beside, 2.0 - root2, 0., 0., beside, 0., 0., 0.]));
    }

    #[test]
    fn turning_keeps_the_ink_roughly() {
        let (train, _) = digits(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data")).unwrap();
        let ink = |images: &Images| images.pixels.iter().sum::<f32>();
        for degrees in [-30.0, 15.0, 45.0] {
            let ratio = ink(&train.rotated(degrees)) / ink(&train);
            assert!((0.97..1.0).contains(&ratio), "{degrees}°: {ratio}");
        }
    }
}
