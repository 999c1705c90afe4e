//! Products against the definition, written as loops.

use super::super::Matrices;
use super::*;

/// Numbers that look random, small whole ones: sums of their products are exact, in any order.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn numbers<T: Element + From<i8>>(&mut self, n: usize) -> Vec<T> {
        (0..n).map(|_| T::from(self.below(9) as i8 - 4)).collect()
    }
}

fn naive<T: Element>(spec: &Contraction, a: &[T], b: &[T], c: &mut [T], accumulate: bool) {
    let at = |base: usize, offsets: [isize; 3]| (base as isize + offsets.iter().sum::<isize>()) as usize;
    for p in (0..spec.batch.len()).map(|p| spec.batch.address(p)) {
        for i in (0..spec.rows.len()).map(|i| spec.rows.address(i)) {
            for j in (0..spec.cols.len()).map(|j| spec.cols.address(j)) {
                let mut sum = T::default();
                for k in (0..spec.sums.len()).map(|k| spec.sums.address(k)) {
                    sum += a[at(spec.base[0], [p[0], i[0], k[0]])] * b[at(spec.base[1], [p[1], k[1], j[0]])];
                }
                let c = &mut c[at(spec.base[2], [p[2], i[1], j[1]])];
                if !accumulate {
                    *c = T::default();
                }
                *c += sum;
            }
        }
    }
}

/// Moves the bases so that the lowest address in each operand is 0; how many numbers each needs.
fn settle(spec: &mut Contraction) -> [usize; 3] {
    let spans = [
        [spec.batch.span(0), spec.rows.span(0), spec.sums.span(0)],
        [spec.batch.span(1), spec.sums.span(1), spec.cols.span(0)],
        [spec.batch.span(2), spec.rows.span(1), spec.cols.span(1)],
    ];
    let [low, high] = [0, 1].map(|end| spans.map(|spans| spans.iter().map(|span| span[end]).sum::<i128>()));
    spec.base = low.map(|low| -low as usize);
    [0, 1, 2].map(|i| (high[i] - low[i] + 1).max(0) as usize)
}

/// Holds a product against the loops, with all instructions, types and both ways to write.
fn check(mut spec: Contraction, dice: &mut Dice) {
    fn of<T: Element + From<i8> + PartialEq + std::fmt::Debug>(spec: &Contraction, lens: [usize; 3], dice: &mut Dice) {
        let [a, b, c] = lens.map(|len| dice.numbers::<T>(len));
        for accumulate in [false, true] {
            let mut expected = c.clone();
            naive(spec, &a, &b, &mut expected, accumulate);
            for set in Instructions::ALL.into_iter().filter(|set| set.available()) {
                // Whatever is in the scratch space must not matter.
                let mut scratch = vec![T::from(99); 2 * spec.panel_len::<T>()];
                let mut found = c.clone();
                with_instructions(set, || contract(spec, &a, &b, &mut found, accumulate, &mut scratch));
                assert!(found == expected, "{set:?}, accumulate {accumulate}: {spec:?}");
            }
        }
    }
    let lens = settle(&mut spec);
    of::<f32>(&spec, lens, dice);
    of::<f64>(&spec, lens, dice);
}

/// A batch of m×k by k×n products; each operand may be stored transposed.
fn matrices(batch: usize, [m, n, k]: [usize; 3], transposed: [bool; 3]) -> Contraction {
    let strides = |rows: usize, cols: usize, transposed| {
        if transposed { [1, rows as isize] } else { [cols as isize, 1] }
    };
    let [a, b, c] = [strides(m, k, transposed[0]), strides(k, n, transposed[1]), strides(m, n, transposed[2])];
    Contraction {
        batch: Digits::new(&[(batch, [m * k, k * n, m * n].map(|len| len as isize))]),
        rows: Digits::new(&[(m, [a[0], c[0]])]),
        cols: Digits::new(&[(n, [b[1], c[1]])]),
        sums: Digits::new(&[(k, [a[1], b[0]])]),
        base: [0; 3],
    }
}

#[test]
fn matrices_of_all_sizes_and_orders() {
    let dice = &mut Dice(1);
    const SIZES: [usize; 19] = [0, 1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17, 31, 40, 63, 64, 65];
    for round in 0..200 {
        let sizes = [0; 3].map(|_| SIZES[dice.below(SIZES.len())]);
        let transposed = [0, 1, 2].map(|i| round >> i & 1 == 1);
        check(matrices(dice.below(4), sizes, transposed), dice);
    }
    for (i, sizes) in
        [[191, 9, 127], [193, 64, 129], [1, 130, 513], [200, 1, 128], [97, 101, 103]].into_iter().enumerate()
    {
        check(matrices(1 + i % 2, sizes, [i % 2 == 1, i % 3 == 1, false]), dice);
    }
}

#[test]
fn tiny_matrices() {
    let dice = &mut Dice(4);
    for round in 0..100 {
        let (sides, transposed) = ([0; 3].map(|_| dice.below(20)), [round & 1 == 1, round & 2 == 2]);
        let spec = matrices(1, sides, [transposed[0], transposed[1], false]);
        let [m, n, k] = sides;
        let [a, b, mut c] = [m * k, k * n, m * n].map(|len| dice.numbers::<f32>(len));
        let mut expected = c.clone();
        naive(&spec, &a, &b, &mut expected, false);
        Matrices { sides, transposed }.multiply(&a, &b, &mut c);
        assert!(c == expected, "{sides:?}, transposed {transposed:?}");
    }
}

#[test]
fn any_strides() {
    let dice = &mut Dice(2);
    for _ in 0..60 {
        let reading = |dice: &mut Dice| [0; 2].map(|_| dice.below(9) as isize - 4);
        let mut lens = [0; 11].map(|_| 1 + dice.below(4));
        lens[dice.below(11)] = dice.below(40);
        // C is dense, its digits in random order and with random signs; the rest may overlap.
        let (mut order, mut dense, mut stride) = (core::array::from_fn::<_, 11, _>(|i| i), 1, [0; 11]);
        (1..11).for_each(|i| order.swap(i, dice.below(i + 1)));
        for i in order.into_iter().filter(|&i| i < 7) {
            stride[i] = dense * [1, -1][dice.below(2)];
            dense *= lens[i].max(1) as isize;
        }
        let digit = |i: usize, dice: &mut Dice| (lens[i], [reading(dice)[0], stride[i]]);
        let batch = [0, 1].map(|i| {
            let [a, b] = reading(dice);
            (lens[i], [a, b, stride[i]])
        });
        let spec = Contraction {
            batch: Digits::new(&batch),
            rows: Digits::new(&[2, 3, 4].map(|i| digit(i, dice))),
            cols: Digits::new(&[5, 6].map(|i| digit(i, dice))),
            sums: Digits::new(&[7, 8, 9, 10].map(|i| (lens[i], reading(dice)))),
            base: [0; 3],
        };
        check(spec, dice);
    }
}

#[test]
fn convolutions_and_their_gradients() {
    let dice = &mut Dice(3);
    for [images, size, kernel, c, o] in [[2, 5, 3, 1, 8], [1, 9, 2, 3, 5], [3, 6, 3, 4, 64], [2, 12, 5, 2, 16]] {
        let [side, k, ci, co] = [size + kernel - 1, kernel, c, o].map(|n| n as isize);
        let out = size as isize;
        let places = [(images, [side * side * ci, out * out * co]), (size, [side * ci, out * co]), (size, [ci, co])];
        let taps = [(kernel, [side * ci, k * ci * co]), (kernel, [ci, ci * co]), (c, [1, co])];
        let (batch, cols) = (Digits::new(&[]), Digits::new(&[(o, [1, 1])]));
        let forward = Contraction { batch, rows: Digits::new(&places), cols, sums: Digits::new(&taps), base: [0; 3] };
        check(forward, dice);
        check(Contraction { rows: forward.sums, sums: forward.rows, ..forward }, dice);
        // The input gradient: the kernel is read backwards and transposed.
        let backwards = [(kernel, [side * co, -k * ci * co]), (kernel, [co, -ci * co]), (o, [1, 1])];
        let places = places.map(|(len, _)| len);
        let rows = [(places[0], [side * side * co, out * out * ci]), (size, [side * co, out * ci]), (size, [co, ci])];
        check(
            Contraction {
                rows: Digits::new(&rows),
                cols: Digits::new(&[(c, [co, 1])]),
                sums: Digits::new(&backwards),
                ..forward
            },
            dice,
        );
        // Locally connected: every position has a kernel of its own.
        let kernels = k * k * ci * co;
        let positions = [(size, [side * ci, out * kernels, out * co]), (size, [ci, kernels, co])];
        let rows = Digits::new(&[(images, [side * side * ci, out * out * co])]);
        check(Contraction { batch: Digits::new(&positions), rows, ..forward }, dice);
    }
}

#[test]
fn the_number_of_threads_cannot_be_seen() {
    let spec = matrices(1, [300, 150, 400], [false, true, false]);
    assert!(spec.is_large());
    let number = |i: usize| (i as f32 * 0.7).sin();
    let (a, b): (Vec<f32>, Vec<f32>) = ((0..120_000).map(number).collect(), (0..60_000).map(number).collect());
    let run = |team: usize| {
        let mut c = vec![0.0; 45_000];
        contract(&spec, &a, &b, &mut c, false, &mut vec![0.0; team * spec.panel_len::<f32>()]);
        c.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn what_would_be_unsound_panics() {
    let run = |spec: Contraction, lens: [usize; 3]| {
        let [a, b, mut c] = lens.map(|len| vec![1.0_f32; len]);
        let mut scratch = vec![0.0; scratch_len::<f32>(&spec)];
        std::panic::catch_unwind(move || contract(&spec, &a, &b, &mut c, false, &mut scratch)).is_err()
    };
    let fine = matrices(1, [3, 4, 5], [false; 3]);
    assert!(!run(fine, [15, 20, 12]));
    assert!(run(fine, [14, 20, 12]) && run(fine, [15, 19, 12]) && run(fine, [15, 20, 11]));
    assert!(run(Contraction { base: [1, 0, 0], ..fine }, [15, 20, 12]));
    assert!(run(Contraction { rows: Digits::new(&[(3, [-5, 4])]), ..fine }, [15, 20, 12]));
    assert!(run(Contraction { cols: Digits::new(&[(4, [1, 0])]), ..fine }, [15, 20, 12]));
    assert!(run(Contraction { rows: Digits::new(&[(3, [5, 3])]), ..fine }, [15, 20, 12]));
    // An empty sum reads nothing; an empty product does nothing.
    assert!(!run(Contraction { sums: Digits::new(&[(0, [5, 5])]), ..fine }, [0, 0, 12]));
    assert!(!run(Contraction { cols: Digits::new(&[(0, [5, 5])]), ..fine }, [0, 0, 0]));
}
