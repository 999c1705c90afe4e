//! How a product is divided: into tasks between threads, and each task into blocks for the cache.
//!
//! The division follows from the lengths, the type and the instructions, never from the number of
//! threads.

use std::ops::Range;

use super::instructions::{Instructions, NARROWEST, WIDEST};
use super::product::Contraction;
use super::tile::Element;

/// The most rows of a task. While they are worked on, their part of A stays in the cache.
pub(super) const ROWS: usize = 192;

/// Tasks of at most so many rows are not made lower: their tiles would be low too.
const FEW_ROWS: usize = 12;

/// The most steps of the sum in a block. A block of B stays in the cache.
pub(super) const SUMS: usize = 128;

/// The most columns of a panel: [`WIDEST`] bytes of the smallest number.
pub(super) const COLS: usize = WIDEST / 4;

/// The fewest multiplications for which waking other threads pays.
pub(super) const MANY: usize = 1 << 20;

/// Small products of a batch are grouped until a task has about so many multiplications.
const FEW: usize = 1 << 18;

/// A product that is shared between threads has at least so many tasks, if its lengths allow.
const TASKS: usize = 4;

/// The division of one product.
pub(super) struct Plan {
    pub(super) instructions: Instructions,
    /// Bytes of a number.
    size: usize,
    batch: usize,
    rows: usize,
    cols: usize,
    pub(super) sums: usize,
    /// Into how many tasks the batch, the rows and the columns are divided.
    grid: [usize; 3],
    /// Products of the batch in a task.
    group: usize,
    /// Columns of all panels but the last.
    wide: usize,
    /// Rows of a task.
    height: usize,
    /// Steps of the sum in a block.
    pub(super) depth: usize,
}

/// What one task computes.
pub(super) struct Task {
    pub(super) batch: Range<usize>,
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    /// The width of the tile, which may be more than there are columns.
    pub(super) width: usize,
}

impl Plan {
    /// The plan for a product that is not empty.
    pub(super) fn new<T: Element>(spec: &Contraction) -> Self {
        let mut plan = Self {
            instructions: Instructions::current(),
            size: size_of::<T>(),
            batch: spec.batch.len(),
            rows: spec.rows.len(),
            cols: spec.cols.len(),
            sums: spec.sums.len(),
            grid: [0; 3],
            group: 1,
            height: even_part(spec.rows.len(), ROWS),
            wide: Instructions::current().widths()[0] / size_of::<T>(),
            depth: even_part(spec.sums.len(), SUMS),
        };
        plan.narrow(spec);
        let panels = plan.panels();
        let work = plan.height * plan.panel(0).1 * plan.sums;
        plan.group = (FEW / work.max(1)).clamp(1, plan.batch.div_ceil(TASKS));
        plan.grid = [plan.batch.div_ceil(plan.group), plan.rows.div_ceil(plan.height), panels];
        plan
    }

    /// Narrows the panels and lowers the tasks until there are enough of them. First the panels: two
    /// tasks with half a panel each copy it once, two tasks with half of the rows copy it twice.
    fn narrow(&mut self, spec: &Contraction) {
        let half = self.wide / 2;
        let most = (spec.multiplications() / MANY).min(TASKS);
        let mut heights = self.rows.div_ceil(self.height);
        while self.batch * heights * self.panels() < most && self.height > FEW_ROWS {
            if heights == 1 && half < self.wide.min(self.cols) && half * self.size >= NARROWEST {
                self.wide = half;
            } else {
                heights += 1;
                self.height = self.rows.div_ceil(heights);
            }
        }
    }

    /// How many tasks there are.
    pub(super) fn tasks(&self) -> usize {
        self.grid.iter().product()
    }

    /// What the task of this number computes.
    pub(super) fn task(&self, index: usize) -> Task {
        let [_, heights, panels] = self.grid;
        let (cols, width) = self.panel(index % panels);
        let row = index / panels % heights * self.height;
        let batch = index / panels / heights * self.group;
        Task {
            batch: batch..self.batch.min(batch + self.group),
            rows: row..self.rows.min(row + self.height),
            cols,
            width,
        }
    }

    /// How many panels there are.
    fn panels(&self) -> usize {
        let wide = self.wide;
        let (mut count, mut col) = (self.cols / wide, self.cols / wide * wide);
        while col < self.cols {
            col += self.width(self.cols - col);
            count += 1;
        }
        count
    }

    /// The columns of one panel and the width of its tile. All but the last panels are `wide`.
    fn panel(&self, index: usize) -> (Range<usize>, usize) {
        let whole = self.cols / self.wide;
        let mut col = index.min(whole) * self.wide;
        if index < whole {
            return (col..col + self.wide, self.wide);
        }
        for _ in whole..index {
            col += self.width(self.cols - col);
        }
        let width = self.width(self.cols - col);
        (col..self.cols.min(col + width), width)
    }

    /// The width of the tile for the next of `left` columns: the narrowest that takes all of them, if
    /// not more than 3/8 of it would be idle, or else the widest that none of it is.
    fn width(&self, left: usize) -> usize {
        let widths = self.instructions.widths().iter().map(|bytes| bytes / self.size);
        let around = widths.clone().rfind(|&width| width >= left && 8 * left >= 5 * width);
        around.or_else(|| widths.clone().find(|&width| width <= left)).unwrap_or(NARROWEST / self.size)
    }
}

/// The length of the parts when `len` is divided evenly into the fewest parts of at most `most`.
fn even_part(len: usize, most: usize) -> usize {
    len.div_ceil(len.div_ceil(most).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::product::{Digits, with_instructions};

    /// Whether the ranges, each repeated or not, follow each other from 0 to `len`.
    fn divides(mut ranges: Vec<(usize, usize)>, len: usize) -> bool {
        ranges.sort_unstable();
        ranges.dedup();
        let joined = ranges.windows(2).all(|pair| pair[0].1 == pair[1].0);
        joined && ranges.first().is_some_and(|first| first.0 == 0) && ranges.last().is_some_and(|last| last.1 == len)
    }

    fn check<T: Element>([batch, rows, cols, sums]: [usize; 4]) {
        let spec = Contraction {
            batch: Digits::new(&[(batch, [0; 3])]),
            rows: Digits::new(&[(rows, [0; 2])]),
            cols: Digits::new(&[(cols, [0; 2])]),
            sums: Digits::new(&[(sums, [0; 2])]),
            base: [0; 3],
        };
        let plan = Plan::new::<T>(&spec);
        let tasks: Vec<Task> = (0..plan.tasks()).map(|i| plan.task(i)).collect();
        let of = |part: fn(&Task) -> &Range<usize>| tasks.iter().map(|t| (part(t).start, part(t).end)).collect();
        let whole =
            divides(of(|t| &t.batch), batch) && divides(of(|t| &t.rows), rows) && divides(of(|t| &t.cols), cols);
        let numbers: usize = tasks.iter().map(|t| t.batch.len() * t.rows.len() * t.cols.len()).sum();
        let found = (plan.instructions, plan.grid, plan.wide);
        assert!(whole && numbers == batch * rows * cols, "{batch} × {rows} × {cols} × {sums}: {found:?}");
        assert!(tasks.iter().all(|t| t.width >= t.cols.len() && t.rows.len() <= ROWS), "{found:?}");
    }

    #[test]
    fn every_number_belongs_to_one_task() {
        for set in Instructions::ALL.into_iter().filter(|set| set.available()) {
            with_instructions(set, || {
                for rows in [1, 5, 12, 13, 25, 32, 64, 150, 192, 193, 784, 6400] {
                    for cols in [1, 6, 16, 17, 30, 32, 33, 48, 63, 64, 65, 100, 128, 150] {
                        for (batch, sums) in [(1, 1), (1, 100), (1, 4096), (3, 500), (36, 64)] {
                            check::<f32>([batch, rows, cols, sums]);
                            check::<f64>([batch, rows, cols, sums]);
                        }
                    }
                }
            });
        }
    }
}
