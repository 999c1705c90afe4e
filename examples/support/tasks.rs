//! Two related tasks: digits by the first writers, and digits by others, turned.

use tandem::autograd::{Float, Tensor};
use tandem::nn::data::{Batches, DataError, Images, Last};

/// Writers before this row are A's, the others B's.
const FIRST_OF_B: usize = 905;

/// All rows of both tasks: A's upright, B's turned.
pub struct Tasks {
    a: Images,
    b: Images,
}

/// One draw of rows: what is learned from, what strengths are chosen on, and what is tested on.
pub struct Draw {
    pub a: Images,
    pub b: Images,
    /// Rows of B's writers on which strengths may be chosen; none unless asked for.
    pub validation: Images,
    pub test: Images,
}

impl Tasks {
    /// `all` rows in their order; those of B's writers are turned by so many degrees.
    pub fn new(all: &Images, degrees: f64) -> Tasks {
        Tasks { a: all.subset(0..FIRST_OF_B), b: turned(&all.subset(FIRST_OF_B..all.len()), degrees) }
    }

    /// Rows in an order that the seed decides: so many with labels for A and for B; `validation` of the other rows of
    /// B's writers, and the rest.
    ///
    /// # Errors
    /// If there are no rows.
    pub fn draw(&self, [of_a, labels]: [usize; 2], validation: usize, seed: u64) -> Result<Draw, DataError> {
        let order = |images: &Images| -> Result<Vec<usize>, DataError> {
            Ok(Batches::new(images.len(), 1, seed, Last::Keep)?.iter().flatten().copied().collect())
        };
        let (a, b) = (order(&self.a)?, order(&self.b)?);
        let some_of_b = |rows: &[usize]| self.b.subset(rows.iter().copied());
        let (train, rest) = b.split_at(labels);
        let (validation, test) = rest.split_at(validation);
        Ok(Draw {
            a: self.a.subset(a[..of_a].iter().copied()),
            b: some_of_b(train),
            validation: some_of_b(validation),
            test: some_of_b(test),
        })
    }

    /// The draw that someone else has made: rows of all, those of B turned.
    pub fn given(all: &Images, degrees: f64, [a, b, test]: [&[usize]; 3]) -> Draw {
        let [a, b, test] = [a, b, test].map(|rows| all.subset(rows.iter().copied()));
        let [b, test] = [b, test].map(|images| turned(&images, degrees));
        Draw { a, b, validation: test.subset([]), test }
    }
}

/// Images turned as SciPy's `ndimage.rotate(…, reshape=False, order=1)` turns them, so that what is learned from them can be
/// held against it: a pixel that comes from beyond the border is zero, whereas [`Images::rotated`] lets it fade.
fn turned(images: &Images, degrees: f64) -> Images {
    let mut turned = images.rotated(degrees);
    let (sin, cos) = degrees.to_radians().sin_cos();
    let [middle_y, middle_x] = [images.height, images.width].map(|length| (length as f64 - 1.0) / 2.0);
    for (place, pixel) in turned.pixels.iter_mut().enumerate() {
        let place = place % images.size();
        let [y, x] = [(place / images.width) as f64 - middle_y, (place % images.width) as f64 - middle_x];
        // Where it comes from, from the middle of the image.
        if (cos * y + sin * x).abs() > middle_y || (cos * x - sin * y).abs() > middle_x {
            *pixel = 0.0;
        }
    }
    turned
}

/// Images, each of this shape, and their labels.
pub fn tensors<T: Float>(images: &Images, shape: &[usize]) -> (Tensor<T>, Tensor<T>) {
    let pixels = images.pixels.iter().map(|&pixel| T::from_f64(f64::from(pixel))).collect();
    let labels = images.labels.iter().map(|&label| T::from_f64(label as f64)).collect();
    let n = images.len();
    (Tensor::new(&*[&[n], shape].concat(), pixels), Tensor::new([n], labels))
}
