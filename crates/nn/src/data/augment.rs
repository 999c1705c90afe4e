//! Images that are changed at random, so that a network sees each of them in many ways.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::{Images, Warp};

/// How far images are changed at random: each by draws of its own, and anew whenever it is gathered. All zeros,
/// the default, change nothing.
///
/// For each image, in the order of the rows, four uniform draws: the turn, the scale, the shift along rows, the
/// shift along columns; then, if there is noise, a Gaussian draw for each number. So a batch depends on the
/// images, the rows and the generator alone.
///
/// ```
/// use rand::SeedableRng;
/// use tandem_nn::Generator;
/// use tandem_nn::data::{Augment, Batches, Last, digits};
/// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
/// let (train, _) = digits(directory)?;
/// let augment = Augment { degrees: 10.0, scale: 0.1, pixels: 0.5, noise: 0.05 };
/// let mut rng = Generator::seed_from_u64(7);
/// let (mut pixels, mut labels) = (vec![0f32; 32 * train.size()], vec![0f32; 32]);
/// for rows in &Batches::new(train.len(), 32, 7, Last::Drop)? {
///     augment.gather(&train, rows, &mut pixels, &mut labels, &mut rng);
///     assert_ne!(pixels[..train.size()], *train.image(rows[0]));         // this image as never before
/// }
/// # Ok::<(), tandem_nn::data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augment {
    /// The turn is uniform in ± so many degrees.
    pub degrees: f64,
    /// The scale is uniform in 1 ± this, which is less than 1.
    pub scale: f64,
    /// The shifts along rows and along columns are uniform in ± so many pixels.
    pub pixels: f64,
    /// The standard deviation of the noise; see [`Images::noisy`].
    pub noise: f64,
}

impl Augment {
    /// As [`Images::gather`], with each image warped as by [`Images::warped`] and then made noisy. Nothing is
    /// allocated.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// use tandem_nn::Generator;
    /// use tandem_nn::data::{Augment, Images};
    /// let dot = vec![0.0, 1.0, 0.0];
    /// let dot = Images { height: 1, width: 3, channels: 1, pixels: dot, labels: vec![7], classes: 10 };
    /// let (mut pixels, mut labels) = ([0f32; 6], [0f32; 2]);
    /// let augment = Augment { pixels: 0.5, ..Augment::default() };
    /// augment.gather(&dot, &[0, 0], &mut pixels, &mut labels, &mut Generator::seed_from_u64(1));
    /// assert_eq!(labels, [7.0, 7.0]);
    /// assert_ne!(pixels[..3], pixels[3..]);              // one image, seen in two ways
    /// assert!(pixels[1] >= 0.25 && pixels[4] >= 0.25);   // at most half a pixel aside, along rows and columns
    /// ```
    ///
    /// # Panics
    /// If there is no such row, a buffer is too short, a number of this is negative or not finite, or the scale is
    /// not less than 1.
    #[track_caller]
    pub fn gather<T: From<f32>>(
        &self,
        images: &Images,
        rows: &[usize],
        pixels: &mut [T],
        labels: &mut [T],
        rng: &mut (impl Rng + ?Sized),
    ) {
        let fine = [self.degrees, self.scale, self.pixels, self.noise].iter().all(|x| x.is_finite() && *x >= 0.0);
        assert!(
            fine && self.scale < 1.0,
            "Augment takes finite numbers that are not negative, and a scale less than 1, found {self:?}"
        );
        images.check_room(rows, pixels.len(), labels.len());
        for (place, &row) in rows.iter().enumerate() {
            let warp = self.draw(rng);
            let mut places = pixels[place * images.size()..].iter_mut();
            images.warp(row, &warp, |pixel| {
                if let Some(place) = places.next() {
                    *place = T::from(noisy(pixel, self.noise, rng));
                }
            });
            labels[place] = T::from(images.labels[row] as f32);
        }
    }

    /// The warp of the next image.
    fn draw(&self, rng: &mut (impl Rng + ?Sized)) -> Warp {
        let mut within = |size: f64| size * (2.0 * rng.random::<f64>() - 1.0);
        let (degrees, scale) = (within(self.degrees), 1.0 + within(self.scale));
        Warp { degrees, scale, shift: [within(self.pixels), within(self.pixels)] }
    }
}

impl Images {
    /// Every number with Gaussian noise of this standard deviation added. It is not clipped, so that the mean
    /// stays: of a black pixel, clipping to 0..=1 would keep the bright half of the noise alone.
    ///
    /// # Panics
    /// If the deviation is negative or not finite.
    ///
    /// ```
    /// use rand::SeedableRng;
    /// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    /// let (train, _) = tandem_nn::data::digits(directory)?;
    /// let noisy = train.noisy(0.1, &mut tandem_nn::Generator::seed_from_u64(7));
    /// assert_eq!(noisy.labels, train.labels);
    /// assert_ne!(noisy.image(0), train.image(0));
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn noisy(&self, deviation: f64, rng: &mut (impl Rng + ?Sized)) -> Images {
        assert!(
            deviation.is_finite() && deviation >= 0.0,
            "noisy() takes a finite deviation that is not negative, found {deviation}"
        );
        let pixels = self.pixels.iter().map(|&pixel| noisy(pixel, deviation, rng)).collect();
        Images { pixels, labels: self.labels.clone(), ..*self }
    }
}

/// A number with noise added. Where there is none, nothing is drawn.
fn noisy(pixel: f32, deviation: f64, rng: &mut (impl Rng + ?Sized)) -> f32 {
    if deviation == 0.0 {
        return pixel;
    }
    let noise: f64 = rng.sample(StandardNormal);
    pixel + (deviation * noise) as f32
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::digits;
    use super::*;
    use crate::Generator;

    fn train() -> Images {
        digits(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data")).unwrap().0
    }

    fn seeded() -> Generator {
        Generator::seed_from_u64(3)
    }

    const ALL: Augment = Augment { degrees: 20.0, scale: 0.2, pixels: 1.5, noise: 0.1 };

    #[test]
    fn without_any_change_it_is_a_plain_gather() {
        let (train, rows) = (train(), [5, 1028, 0, 5]);
        let filled = || (vec![9f32; 5 * train.size()], vec![9f32; 5]);
        let (mut plain, mut same) = (filled(), filled());
        train.gather(&rows, &mut plain.0, &mut plain.1);
        Augment::default().gather(&train, &rows, &mut same.0, &mut same.1, &mut seeded());
        let bits = |(pixels, labels): &(Vec<f32>, Vec<f32>)| -> Vec<u32> {
            pixels.iter().chain(labels).map(|x| x.to_bits()).collect()
        };
        assert_eq!(bits(&plain), bits(&same));
        assert_eq!(train.noisy(0.0, &mut seeded()), train);
    }

    #[test]
    fn each_image_is_warped_by_four_draws_and_then_made_noisy() {
        // With channels, and height other than width, so that a mistake in the layout shows.
        let coloured = Images { height: 4, width: 8, channels: 2, ..train() };
        let rows = [7, 1, 7];
        let size = coloured.size();
        let (mut pixels, mut labels) = (vec![9f64; 3 * size + 1], [9f64; 4]);
        ALL.gather(&coloured, &rows, &mut pixels, &mut labels, &mut seeded());
        let mut rng = seeded();
        for (place, row) in rows.into_iter().enumerate() {
            let [turn, zoom, dy, dx] = [(); 4].map(|()| 2.0 * rng.random::<f64>() - 1.0);
            let warp = Warp { degrees: 20.0 * turn, scale: 1.0 + 0.2 * zoom, shift: [1.5 * dy, 1.5 * dx] };
            let alone = coloured.subset([row]).warped(&warp).noisy(0.1, &mut rng);
            let wide: Vec<f64> = alone.pixels.iter().map(|&pixel| f64::from(pixel)).collect();
            assert_eq!(pixels[place * size..][..size], wide, "place {place}");
            assert_eq!(labels[place], alone.labels[0] as f64);
        }
        assert_eq!((pixels[3 * size], labels[3]), (9.0, 9.0), "behind the batch");
        assert_ne!(pixels[..size], pixels[2 * size..][..size], "an image is changed anew each time");
    }

    #[test]
    fn draws_fill_their_ranges() {
        let mut rng = seeded();
        let warps: Vec<Warp> = (0..10_000).map(|_| ALL.draw(&mut rng)).collect();
        type Part = fn(&Warp) -> f64;
        let parts: [(Part, f64, f64); 4] = [
            (|warp| warp.degrees, 0.0, 20.0),
            (|warp| warp.scale, 1.0, 0.2),
            (|warp| warp.shift[0], 0.0, 1.5),
            (|warp| warp.shift[1], 0.0, 1.5),
        ];
        for (part, middle, reach) in parts {
            // In units of the reach: uniform in ±1, of variance ⅓. Five standard errors of 10,000 draws.
            let draws = warps.iter().map(|warp| (part(warp) - middle) / reach);
            let (mut sum, mut squares, mut largest) = (0.0, 0.0, 0f64);
            draws.for_each(|x| (sum, squares, largest) = (sum + x, squares + x * x, largest.max(x.abs())));
            assert!((0.999..=1.0).contains(&largest), "{largest}");
            assert!(f64::abs(sum / 1e4) < 0.029 && f64::abs(squares / 1e4 - 1.0 / 3.0) < 0.015, "{sum}, {squares}");
        }
    }

    #[test]
    fn noise_has_the_deviation_asked_for_and_no_bias() {
        let train = train();
        let noisy = train.noisy(0.3, &mut seeded());
        let noise = noisy.pixels.iter().zip(&train.pixels).map(|(noisy, pixel)| f64::from(noisy - pixel));
        let n = noise.len() as f64;
        let (sum, squares) = noise.fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
        assert!(f64::abs(sum / n) < 5.0 * 0.3 / n.sqrt(), "{}", sum / n);
        let deviation = (squares / n).sqrt();
        assert!((deviation / 0.3 - 1.0).abs() < 5.0 / (2.0 * n).sqrt(), "{deviation}");
        assert!(noisy.pixels.iter().any(|&pixel| pixel < 0.0) && noisy.pixels.iter().any(|&pixel| pixel > 1.0));
    }
}
