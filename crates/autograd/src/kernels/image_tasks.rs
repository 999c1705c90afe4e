//! A convolution in tasks of some images each.
//!
//! A task pads its images in space of its own and works on them while they are in the cache. Into how many tasks
//! images are divided follows from the shapes alone.

use super::geometry::Geometry;
use super::instructions::{Instructions, with_instructions};
use super::plan::MANY;
use super::product::{Contraction, scratch_len};
use super::threads::{for_each_chunk_with, threads};
use super::tile::Element;

/// About so many tasks are made.
const TASKS: usize = 8;

/// The tasks of one convolution.
pub(super) struct Tasks {
    /// The convolution of one task's images; the last may have fewer.
    one: Geometry,
    /// How many images there are in all.
    images: usize,
    /// How many numbers of space a task takes.
    each: usize,
}

impl Tasks {
    /// Several tasks, where there is much to compute for many images. If positions have kernels of their own, one task:
    /// all images should be there while these are read.
    pub(super) fn new(g: &Geometry) -> Self {
        let [_, result] = g.lens();
        let large = g.images * result * g.kernel[0] * g.kernel[1] * g.group()[0] >= MANY;
        let several = large && g.images >= TASKS && g.tile == [1; 2];
        let images = if several { g.images.div_ceil(TASKS) } else { g.images };
        Self { one: Geometry { images, ..*g }, images: g.images, each: 0 }
    }

    /// Several tasks only where a kernel for each takes no more than all images and results.
    pub(super) fn with_kernels(g: &Geometry) -> Self {
        let tasks = Self::new(g);
        let small = tasks.count() * g.kernel_len() <= g.images * g.lens().iter().sum::<usize>();
        if small { tasks } else { Self { one: *g, ..tasks } }
    }

    /// The same, with space in each task for `padded` numbers and products.
    pub(super) fn with_space<T: Element, P: Iterator<Item = Contraction>>(
        self,
        padded: impl Fn(&Geometry) -> usize,
        products: impl Fn(&Geometry) -> P,
    ) -> Self {
        // The products of a task that is alone may be shared between threads.
        let alone = self.count() == 1;
        let len = |spec: Contraction| if alone { scratch_len::<T>(&spec) } else { spec.panel_len::<T>() };
        let each = padded(&self.one) + products(&self.one).map(len).max().unwrap_or(0);
        Self { each, ..self }
    }

    /// How many tasks there are.
    pub(super) fn count(&self) -> usize {
        self.images.div_ceil(self.one.images.max(1)).max(1)
    }

    /// How many numbers of space [`run`](Self::run) takes.
    pub(super) fn space(&self) -> usize {
        self.each * threads().min(self.count())
    }

    /// Calls `body(convolution of its images, the first of them, its part of out, space)` for each task. A part has
    /// `len` numbers for each image.
    pub(super) fn run<T: Element>(
        &self,
        (out, len): (&mut [T], usize),
        space: &mut [T],
        body: impl Fn(&Geometry, usize, &mut [T], &mut [T]) + Sync,
    ) {
        self.run_by((out, self.one.images * len), space, body);
    }

    /// As [`run`](Self::run), with parts of `len` numbers, whatever the images.
    pub(super) fn run_by<T: Element>(
        &self,
        (out, len): (&mut [T], usize),
        space: &mut [T],
        body: impl Fn(&Geometry, usize, &mut [T], &mut [T]) + Sync,
    ) {
        let instructions = Instructions::current();
        for_each_chunk_with(space, self.each, [out], len.max(1), |task, [out], space| {
            let first = task * self.one.images;
            let one = Geometry { images: self.one.images.min(self.images - first), ..self.one };
            with_instructions(instructions, || body(&one, first, out, space));
        });
    }
}
