//! One convolution, written five times: from its definition to tiles held in registers.
//!
//! Images are rows × columns × channels, kernels are rows × columns × channels in × channels out. All sizes are known when
//! the program is compiled. There is no unsafe code, and nothing is asked of the processor that not every one has.

/// How many images.
pub const IMAGES: usize = 16;
/// Rows and columns of an image and of its result.
pub const SIDE: usize = 16;
/// Channels of the images.
pub const IN: usize = 32;
/// Channels of the results.
pub const OUT: usize = 32;
/// Rows and columns of a kernel.
pub const SIZE: usize = 3;
/// Zeros on each side of an image.
pub const PAD: usize = 1;
/// Positions of the kernel: rows of the unfolded matrix.
pub const POSITIONS: usize = IMAGES * SIDE * SIDE;
/// Numbers under a kernel: columns of the unfolded matrix.
pub const PLACES: usize = SIZE * SIZE * IN;

/// Rows and columns of a tile of sums.
const HIGH: usize = 4;
const WIDE: usize = 8;
/// Positions that are unfolded at a time.
const BLOCK: usize = 64;

/// Where row (or column) `position` of the result reads with row (or column) `place` of the kernel; none in the padding.
fn inside(position: usize, place: usize) -> Option<usize> {
    (position + place).checked_sub(PAD).filter(|&at| at < SIDE)
}

/// The number of a pixel.
fn pixel(image: usize, row: usize, column: usize) -> usize {
    (image * SIDE + row) * SIDE + column
}

/// The definition: for each number of the result, a sum over rows, columns and channels of the kernel.
pub fn definition(x: &[f32], kernel: &[f32], z: &mut [f32]) {
    for image in 0..IMAGES {
        for row in 0..SIDE {
            for column in 0..SIDE {
                for o in 0..OUT {
                    let mut sum = 0.0;
                    for i in 0..SIZE {
                        for j in 0..SIZE {
                            let (Some(y), Some(left)) = (inside(row, i), inside(column, j)) else { continue };
                            for c in 0..IN {
                                let weight = kernel[((i * SIZE + j) * IN + c) * OUT + o];
                                sum += x[pixel(image, y, left) * IN + c] * weight;
                            }
                        }
                    }
                    z[pixel(image, row, column) * OUT + o] = sum;
                }
            }
        }
    }
}

/// The same loops in another order: o is the innermost, along which kernels and results lie side by side.
pub fn reordered(x: &[f32], kernel: &[f32], z: &mut [f32]) {
    for (position, sums) in z.chunks_exact_mut(OUT).enumerate() {
        let (image, row, column) = (position / (SIDE * SIDE), position / SIDE % SIDE, position % SIDE);
        sums.fill(0.0);
        for i in 0..SIZE {
            for j in 0..SIZE {
                let (Some(y), Some(left)) = (inside(row, i), inside(column, j)) else { continue };
                let numbers = &x[pixel(image, y, left) * IN..][..IN];
                let weights = &kernel[(i * SIZE + j) * IN * OUT..][..IN * OUT];
                for (&number, weights) in numbers.iter().zip(weights.chunks_exact(OUT)) {
                    for (sum, &weight) in sums.iter_mut().zip(weights) {
                        *sum += number * weight;
                    }
                }
            }
        }
    }
}

/// The numbers under the kernel at each position, a row for each, with zeros for the padding.
pub fn unfold(x: &[f32], matrix: &mut [f32]) {
    for (position, places) in matrix.chunks_exact_mut(PLACES).enumerate() {
        let (image, row, column) = (position / (SIDE * SIDE), position / SIDE % SIDE, position % SIDE);
        for (place, numbers) in places.chunks_exact_mut(IN).enumerate() {
            match (inside(row, place / SIZE), inside(column, place % SIZE)) {
                (Some(y), Some(left)) => numbers.copy_from_slice(&x[pixel(image, y, left) * IN..][..IN]),
                _ => numbers.fill(0.0),
            }
        }
    }
}

/// c = a · b by three loops, for any number of columns: rows of b, scaled, are added to a row of c.
pub fn product(a: &[f32], b: &[f32], c: &mut [f32], [sums, columns]: [usize; 2]) {
    for (a, c) in a.chunks_exact(sums).zip(c.chunks_exact_mut(columns)) {
        c.fill(0.0);
        for (&number, b) in a.iter().zip(b.chunks_exact(columns)) {
            for (sum, &weight) in c.iter_mut().zip(b) {
                *sum += number * weight;
            }
        }
    }
}

/// c = a · b in tiles of 4 × 8 sums that stay in registers. Rows of a are a multiple of 4, columns of b of 8.
pub fn product_in_tiles(a: &[f32], b: &[f32], c: &mut [f32], [sums, columns]: [usize; 2]) {
    for (a, c) in a.chunks_exact(HIGH * sums).zip(c.chunks_exact_mut(HIGH * columns)) {
        let rows: [&[f32]; HIGH] = std::array::from_fn(|row| &a[row * sums..][..sums]);
        for column in (0..columns).step_by(WIDE) {
            let mut tile = [[0.0; WIDE]; HIGH];
            for (k, b) in b.chunks_exact(columns).enumerate() {
                let line = b[column..].first_chunk::<WIDE>().expect("columns are a multiple of 8");
                for (tile, row) in tile.iter_mut().zip(rows) {
                    for (sum, &weight) in tile.iter_mut().zip(line) {
                        *sum += row[k] * weight;
                    }
                }
            }
            for (tile, c) in tile.iter().zip(c.chunks_exact_mut(columns)) {
                c[column..column + WIDE].copy_from_slice(tile);
            }
        }
    }
}

/// The convolution by tiles whose operands lie in the order in which they are read.
#[derive(Default)]
pub struct Packed {
    /// Panel by panel, place by place: the weights of 8 channels.
    panels: Vec<[f32; WIDE]>,
    /// Four positions at a time, place by place: the numbers of these positions, for a block of positions.
    rows: Vec<[f32; HIGH]>,
}

impl Packed {
    /// Unfolds a block of positions at a time, into the order of the tiles, and multiplies it while it is in the cache.
    pub fn convolve(&mut self, x: &[f32], kernel: &[f32], z: &mut [f32]) {
        self.panels.clear();
        for column in (0..OUT).step_by(WIDE) {
            let line = |weights: &[f32]| std::array::from_fn(|w| weights[column + w]);
            self.panels.extend(kernel.chunks_exact(OUT).map(line));
        }
        self.rows.resize(BLOCK / HIGH * PLACES, [0.0; HIGH]);
        for (block, z) in z.chunks_exact_mut(BLOCK * OUT).enumerate() {
            self.unfold(x, block * BLOCK);
            for (panel, columns) in self.panels.chunks_exact(PLACES).zip((0..OUT).step_by(WIDE)) {
                for (rows, z) in self.rows.chunks_exact(PLACES).zip(z.chunks_exact_mut(HIGH * OUT)) {
                    for (sums, z) in tile(rows, panel).iter().zip(z.chunks_exact_mut(OUT)) {
                        z[columns..columns + WIDE].copy_from_slice(sums);
                    }
                }
            }
        }
    }

    /// Brings the numbers under the kernel at a block of positions into the order of the tiles.
    fn unfold(&mut self, x: &[f32], first: usize) {
        for (four, places) in self.rows.chunks_exact_mut(PLACES).enumerate() {
            for high in 0..HIGH {
                let position = first + four * HIGH + high;
                let (image, row, column) = (position / (SIDE * SIDE), position / SIDE % SIDE, position % SIDE);
                for (place, to) in places.chunks_exact_mut(IN).enumerate() {
                    match (inside(row, place / SIZE), inside(column, place % SIZE)) {
                        (Some(y), Some(left)) => {
                            let from = &x[pixel(image, y, left) * IN..][..IN];
                            to.iter_mut().zip(from).for_each(|(to, &number)| to[high] = number);
                        }
                        _ => to.iter_mut().for_each(|to| to[high] = 0.0),
                    }
                }
            }
        }
    }
}

/// Σ over places of four numbers times eight weights: 32 sums for 12 numbers read.
fn tile(rows: &[[f32; HIGH]], panel: &[[f32; WIDE]]) -> [[f32; WIDE]; HIGH] {
    let mut tile = [[0.0; WIDE]; HIGH];
    for (numbers, weights) in rows.iter().zip(panel) {
        for (tile, &number) in tile.iter_mut().zip(numbers) {
            for (sum, &weight) in tile.iter_mut().zip(weights) {
                *sum += number * weight;
            }
        }
    }
    tile
}
