//! Images turned, scaled and shifted.

use super::Images;

/// A map of the plane about the centre of an image: a pixel is turned, then scaled, then shifted.
///
/// In torchvision this is called `functional.affine`; there an angle is clockwise, and a shift names columns
/// first.
///
/// ```
/// use tandem_nn::data::{Images, Warp};
/// let dot = Images { height: 1, width: 3, channels: 1, pixels: vec![0.0, 1.0, 0.0], labels: vec![0], classes: 10 };
/// let larger = dot.warped(&Warp { scale: 2.0, ..Warp::default() });
/// assert_eq!(larger.pixels, [0.5, 1.0, 0.5]);
/// let aside = dot.warped(&Warp { shift: [0.0, 0.25], ..Warp::default() });
/// assert_eq!(aside.pixels, [0.0, 0.75, 0.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warp {
    /// The turn in degrees, counterclockwise.
    pub degrees: f64,
    /// What lengths are multiplied by.
    pub scale: f64,
    /// The shift in pixels, along rows and along columns: down and to the right.
    pub shift: [f64; 2],
}

impl Default for Warp {
    /// The warp that changes nothing.
    fn default() -> Warp {
        Warp { degrees: 0.0, scale: 1.0, shift: [0.0; 2] }
    }
}

impl Warp {
    /// The sine and the cosine of the turn, those of right angles exactly.
    fn sin_cos(&self) -> (f64, f64) {
        match self.degrees.rem_euclid(360.0) {
            0.0 => (0.0, 1.0),
            90.0 => (1.0, 0.0),
            180.0 => (0.0, -1.0),
            270.0 => (-1.0, 0.0),
            _ => self.degrees.to_radians().sin_cos(),
        }
    }
}

impl Images {
    /// Every image warped. A pixel is interpolated between the four nearest ones (bilinear); outside of the
    /// image there are zeros.
    ///
    /// Turns by right angles of square images, and shifts by whole pixels, only move pixels, exactly.
    ///
    /// # Panics
    /// If a number of the warp is not finite, or its scale not above 0.
    ///
    /// ```
    /// use tandem_nn::data::Warp;
    /// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    /// let (train, _) = tandem_nn::data::digits(directory)?;
    /// let warped = train.warped(&Warp { degrees: 10.0, scale: 0.9, shift: [0.5, -1.0] });
    /// assert_eq!((warped.len(), &warped.labels), (train.len(), &train.labels));
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn warped(&self, warp: &Warp) -> Images {
        let finite = [warp.degrees, warp.scale, warp.shift[0], warp.shift[1]].iter().all(|x| x.is_finite());
        assert!(finite && warp.scale > 0.0, "warped() takes finite numbers and a scale above 0, found {warp:?}");
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for row in 0..self.len() {
            self.warp(row, warp, |pixel| pixels.push(pixel));
        }
        Images { pixels, labels: self.labels.clone(), ..*self }
    }

    /// Every image turned counterclockwise about its centre, as by [`warped`](Images::warped).
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
        self.warped(&Warp { degrees, ..Warp::default() })
    }

    /// Every image shifted by so many pixels down and to the right, as by [`warped`](Images::warped).
    ///
    /// # Panics
    /// If a number is not finite.
    ///
    /// ```
    /// use tandem_nn::data::Images;
    /// let row = Images { height: 1, width: 3, channels: 1, pixels: vec![0.5, 1.0, 0.0], labels: vec![0], classes: 10 };
    /// assert_eq!(row.translated([0.0, 1.0]).pixels, [0.0, 0.5, 1.0]);
    /// ```
    #[track_caller]
    pub fn translated(&self, shift: [f64; 2]) -> Images {
        self.warped(&Warp { shift, ..Warp::default() })
    }

    /// Hands out the numbers of one image, warped, in their order.
    pub(super) fn warp(&self, row: usize, warp: &Warp, mut put: impl FnMut(f32)) {
        let (image, (sin, cos)) = (self.image(row), warp.sin_cos());
        // Where a pixel comes from: shifted, scaled and turned back. Rows count downwards.
        let (sin, cos) = (sin / warp.scale, cos / warp.scale);
        let [middle_y, middle_x] = [self.height, self.width].map(|length| (length as f64 - 1.0) / 2.0);
        for y in 0..self.height {
            let y = y as f64 - middle_y - warp.shift[0];
            let (cos_y, sin_y) = (cos * y, sin * y);
            for x in 0..self.width {
                let x = x as f64 - middle_x - warp.shift[1];
                self.interpolate(image, [cos_y + sin * x + middle_y, cos * x - sin_y + middle_x], &mut put);
            }
        }
    }

    /// Hands out the channels of an image at a place between its pixels, each pixel weighted by how near it is.
    #[inline]
    fn interpolate(&self, image: &[f32], [y, x]: [f64; 2], put: &mut impl FnMut(f32)) {
        let (ys, xs) = ([y.floor(), y.floor() + 1.0], [x.floor(), x.floor() + 1.0]);
        let [top, bottom] = ys.map(|near| 1.0 - (y - near).abs());
        let [left, right] = xs.map(|near| 1.0 - (x - near).abs());
        let weights = [top * left, top * right, bottom * left, bottom * right];
        let mut put = |pixels: [f32; 4]| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| weights[i] * f64::from(pixels[i]));
            put((a + b + c + d) as f32);
        };
        let (height, width, channels) = (self.height as f64, self.width as f64, self.channels);
        let at = |y: f64, x: f64| (y as usize * self.width + x as usize) * channels;
        if ys[0] >= 0.0 && xs[0] >= 0.0 && ys[1] < height && xs[1] < width {
            // All four are inside: two pixels of one row, and two of the next.
            let (upper, lower) = image[at(ys[0], xs[0])..].split_at(self.width * channels);
            let (upper, lower) = (&upper[..2 * channels], &lower[..2 * channels]);
            for i in 0..channels {
                put([upper[i], upper[channels + i], lower[i], lower[channels + i]]);
            }
        } else {
            let inside = |y, x| (0.0..height).contains(&y) && (0.0..width).contains(&x);
            let pixel = |y, x, i| if inside(y, x) { image[at(y, x) + i] } else { 0.0 };
            for i in 0..channels {
                put([pixel(ys[0], xs[0], i), pixel(ys[0], xs[1], i), pixel(ys[1], xs[0], i), pixel(ys[1], xs[1], i)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::digits;
    use super::*;

    fn images(height: usize, width: usize, channels: usize, pixels: Vec<f32>) -> Images {
        let labels = vec![0; pixels.len() / (height * width * channels)];
        Images { height, width, channels, pixels, labels, classes: 10 }
    }

    /// Numbers without a pattern, from 0 to 1.
    fn some(height: usize, width: usize, channels: usize) -> Images {
        let pixel = |i: usize| (i as f32 * 1.7).sin().abs();
        images(height, width, channels, (0..2 * height * width * channels).map(pixel).collect())
    }

    fn train() -> Images {
        digits(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data")).unwrap().0
    }

    fn close(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    /// Images whose pixel (y, x) is that of `from` at the place that `back` names, or 0 where it names none.
    fn moved(from: &Images, back: impl Fn(i32, i32) -> (i32, i32)) -> Images {
        let mut to = Images { pixels: Vec::new(), ..from.clone() };
        for row in 0..from.len() {
            for (y, x) in (0..from.height as i32).flat_map(|y| (0..from.width as i32).map(move |x| (y, x))) {
                let (y, x) = back(y, x);
                let inside = (0..from.height as i32).contains(&y) && (0..from.width as i32).contains(&x);
                let at = |channel| (y as usize * from.width + x as usize) * from.channels + channel;
                let pixel = |channel| if inside { from.image(row)[at(channel)] } else { 0.0 };
                to.pixels.extend((0..from.channels).map(pixel));
            }
        }
        to
    }

    /// A turn written without a thought of speed, which is what figures of the README were computed with.
    fn rotated_plainly(from: &Images, degrees: f64) -> Images {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let [middle_y, middle_x] = [from.height, from.width].map(|length| (length as f64 - 1.0) / 2.0);
        let interpolated = |image: &[f32], y: f64, x: f64, channel: usize| {
            let mut sum = 0.0;
            for near_y in [y.floor(), y.floor() + 1.0] {
                for near_x in [x.floor(), x.floor() + 1.0] {
                    if (0.0..from.height as f64).contains(&near_y) && (0.0..from.width as f64).contains(&near_x) {
                        let pixel = image[(near_y as usize * from.width + near_x as usize) * from.channels + channel];
                        sum += (1.0 - (y - near_y).abs()) * (1.0 - (x - near_x).abs()) * f64::from(pixel);
                    }
                }
            }
            sum as f32
        };
        let mut to = Images { pixels: Vec::new(), ..from.clone() };
        for row in 0..from.len() {
            for place in 0..from.height * from.width {
                let (y, x) = ((place / from.width) as f64 - middle_y, (place % from.width) as f64 - middle_x);
                let (y, x) = (cos * y + sin * x + middle_y, cos * x - sin * y + middle_x);
                to.pixels.extend((0..from.channels).map(|channel| interpolated(from.image(row), y, x, channel)));
            }
        }
        to
    }

    #[test]
    fn turns_have_the_bits_that_the_readmes_figures_rest_on() {
        for images in [train(), some(5, 8, 3), some(1, 4, 1)] {
            for degrees in [25.0, 15.0, -30.0, 45.0, 0.0, 1e-9, 133.7, -725.0] {
                assert_eq!(images.rotated(degrees), rotated_plainly(&images, degrees), "{degrees}°");
            }
            for degrees in [90.0, 180.0, -90.0, 360.0] {
                assert!(close(&images.rotated(degrees).pixels, &rotated_plainly(&images, degrees).pixels));
            }
        }
    }

    #[test]
    fn turns_by_right_angles_and_shifts_by_whole_pixels_move_pixels() {
        for square in [train(), some(7, 7, 2)] {
            let last = square.height as i32 - 1;
            assert_eq!(square.rotated(90.0), moved(&square, |y, x| (x, last - y)));
            assert_eq!([90.0; 4].iter().fold(square.clone(), |turned, &quarter| turned.rotated(quarter)), square);
            assert_eq!(square.rotated(-270.0), square.rotated(90.0));
            assert!(close(&square.rotated(20.0).rotated(-90.0).pixels, &square.rotated(-70.0).pixels));
        }
        for images in [train(), some(4, 7, 3)] {
            let [height, width] = [images.height, images.width].map(|length| length as i32 - 1);
            assert_eq!(images.rotated(180.0), moved(&images, |y, x| (height - y, width - x)));
            for (dy, dx) in [(0, 0), (1, 0), (0, -2), (-3, 2), (8, 0), (100, -100)] {
                let shifted = images.translated([f64::from(dy), f64::from(dx)]);
                assert_eq!(shifted, moved(&images, |y, x| (y - dy, x - dx)), "by {dy}, {dx}");
            }
        }
    }

    #[test]
    fn warps_by_hand() {
        // An eighth of a turn: (0, 1) on a 3×3 image comes to (√½, √½), between four pixels.
        let dot = images(3, 3, 1, vec![0., 0., 0., 0., 0., 1., 0., 0., 0.]);
        let (root2, half) = (2f32.sqrt(), 0.5f32.sqrt());
        let beside = half * (1.0 - half);
        assert!(close(&dot.rotated(45.0).pixels, &[0., beside, 2.0 - root2, 0., 0., beside, 0., 0., 0.]));
        let row = images(1, 5, 1, vec![1., 2., 3., 4., 5.]);
        let scaled = |scale| row.warped(&Warp { scale, ..Warp::default() }).pixels;
        assert_eq!(scaled(2.0), [2., 2.5, 3., 3.5, 4.]);
        assert_eq!(scaled(0.5), [0., 1., 3., 5., 0.]);
        assert_eq!(row.translated([0.5, 0.25]).pixels, [0.375, 0.875, 1.375, 1.875, 2.375]);
        // First turned and scaled, then shifted: the 5 goes up by four, then down by two.
        let mut column = images(5, 5, 1, vec![0.; 25]);
        column.pixels[13] = 1.0;
        let warped = column.warped(&Warp { degrees: 90.0, scale: 2.0, shift: [2.0, 1.0] });
        assert_eq!(warped.pixels.iter().position(|&pixel| pixel == 1.0), Some(2 * 5 + 3));
    }

    #[test]
    fn a_warp_and_its_inverse_bring_a_smooth_image_back() {
        let place = |i: usize| (((i / 41) as f32 - 22.0) / 5.0, ((i % 41) as f32 - 17.0) / 6.0);
        let bump = |i| place(i).0.mul_add(-place(i).0, -place(i).1 * place(i).1).exp();
        let smooth = images(41, 41, 1, (0..41 * 41).map(bump).collect());
        let far =
            |other: &Images| smooth.pixels.iter().zip(&other.pixels).map(|(a, b)| (a - b).abs()).fold(0., f32::max);
        for (degrees, scale, shift) in [(30.0, 1.2, [1.5, -2.25]), (-100.0, 0.8, [-3.0, 0.5]), (5.0, 1.0, [0.3, 0.7])] {
            let warped = smooth.warped(&Warp { degrees, scale, shift });
            assert!(far(&warped) > 0.1, "{}", far(&warped));
            // p = R⁻¹(p′ − t)/s = (1/s)R⁻¹p′ − (1/s)R⁻¹t. Rows count downwards, so R takes (y, x) to (cy − sx, cx + sy).
            let (sin, cos) = f64::to_radians(degrees).sin_cos();
            let [y, x] = shift.map(|t| -t / scale);
            let inverse = Warp { degrees: -degrees, scale: 1.0 / scale, shift: [cos * y + sin * x, cos * x - sin * y] };
            let back = far(&warped.warped(&inverse));
            // Interpolation is wrong by at most ⅛(|∂²/∂y²| + |∂²/∂x²|); the second time, what it sees is scaled.
            let bound = (2.0 / 25.0 + 2.0 / 36.0) / 8.0 * (1.0 + scale.powi(-2));
            assert!(f64::from(back) < bound, "{back} after {degrees}°, × {scale}, {shift:?}");
        }
    }

    #[test]
    fn turning_keeps_the_ink_roughly() {
        let train = train();
        let ink = |images: &Images| images.pixels.iter().sum::<f32>();
        for degrees in [-30.0, 15.0, 45.0] {
            let ratio = ink(&train.rotated(degrees)) / ink(&train);
            assert!((0.97..1.0).contains(&ratio), "{degrees}°: {ratio}");
        }
    }
}
