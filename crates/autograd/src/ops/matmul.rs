//! The matrix product.

use crate::kernels::{self, Contraction, Digits, Matrices};
use crate::shape::fit;
use crate::tensor::scratch;
use crate::{Float, Needs, Op, Out, Rule, Saves, Shape, ShapeError, Tensor, Var};

/// Z = X · Y, where X or Y may be read transposed; all axes before the last two are a batch.
///
/// Plain: X̄ = Z̄ · Yᵀ,  Ȳ = Xᵀ · Z̄. With X read transposed, X̄ is the transpose of that, which is
/// again such a product: the op is closed under differentiation.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor, Var, ops::MatMul};
/// let params = Params::<f64>::new();
/// let tape = Tape::new(&params);
/// let x = tape.constant(Tensor::new([2, 1], vec![1., 2.]));
/// let y = tape.constant(Tensor::new([2, 1], vec![3., 4.]));
/// assert_eq!(Var::apply_op(MatMul { tx: true, ty: false }, [x, y]).value().data(), [11.]);     // Xᵀ · Y
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MatMul {
    /// Read X transposed.
    pub tx: bool,
    /// Read Y transposed.
    pub ty: bool,
}

/// Rows and columns of the last two axes, as they are read.
fn sides(shape: Shape, transposed: bool) -> (usize, usize) {
    let (rows, columns) = (shape[shape.rank() - 2] as usize, shape[shape.rank() - 1] as usize);
    if transposed { (columns, rows) } else { (rows, columns) }
}

/// `Err` unless the axes over which a product sums, each with its length, are of one length.
fn summed([left, k]: [usize; 2], [right, other]: [usize; 2]) -> Result<(), ShapeError> {
    ShapeError::unless(k == other, || {
        format!(
            "axis {left} of the left has length {k}, axis {right} of the right has length {other}; the product sums over both"
        )
    })
}

impl MatMul {
    /// The product of single matrices.
    fn matrices(self, x: Shape, y: Shape) -> Option<Matrices> {
        let ((m, k), (_, n)) = (sides(x, self.tx), sides(y, self.ty));
        (x.rank() == 2).then_some(Matrices { sides: [m, n, k], transposed: [self.tx, self.ty] })
    }

    /// The product as a contraction: C[p, i, j] = Σₖ A[p, i, k] · B[p, k, j].
    fn contraction(self, x: Shape, y: Shape) -> Contraction {
        let ((m, k), (_, n)) = (sides(x, self.tx), sides(y, self.ty));
        let strides =
            |columns: usize, transposed: bool| if transposed { (1, columns as isize) } else { (columns as isize, 1) };
        let (xi, xk) = strides(x[x.rank() - 1] as usize, self.tx);
        let (yk, yj) = strides(y[y.rank() - 1] as usize, self.ty);
        let batch: usize = x.dims()[..x.rank() - 2].iter().map(|&d| d as usize).product();
        Contraction {
            batch: Digits::new(&[(batch, [(m * k) as isize, (k * n) as isize, (m * n) as isize])]),
            rows: Digits::new(&[(m, [xi, n as isize])]),
            cols: Digits::new(&[(n, [yj, 1])]),
            sums: Digits::new(&[(k, [xk, yk])]),
            base: [0; 3],
        }
    }
}

impl<T: Float> Op<T> for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }
    fn shape(&self, x: &[Shape]) -> Result<Shape, ShapeError> {
        let (a, b) = (x[0], x[1]);
        ShapeError::unless(a.rank() >= 2 && a.rank() == b.rank(), || {
            format!("both need the same number of axes, at least 2, found {} and {}", a.rank(), b.rank())
        })?;
        let batch = a.rank() - 2;
        for axis in 0..batch {
            ShapeError::unless(a[axis] == b[axis], || {
                format!("axis {axis} of the batch has lengths {} and {}", a[axis], b[axis])
            })?;
        }
        let ((m, k), (other, n)) = (sides(a, self.tx), sides(b, self.ty));
        let (left, right) = (batch + usize::from(!self.tx), batch + usize::from(self.ty));
        summed([left, k], [right, other])?;
        Ok(a.join(batch, &[m, n]))
    }
    fn saves(&self, needs: Needs) -> Saves {
        Saves::factors(needs)
    }
    fn forward(&self, x: &mut [Tensor<T>], out: Out) -> Tensor<T> {
        let (left, right) = (x[0].shape(), x[1].shape());
        if let Some(matrices) = self.matrices(left, right)
            && matrices.are_tiny()
        {
            return out.build(|z| matrices.multiply(x[0].data(), x[1].data(), z));
        }
        let product = self.contraction(left, right);
        let mut work = scratch::<T>(kernels::scratch_len::<T>(&product));
        out.build(|z| work.update(|work| kernels::contract(&product, x[0].data(), x[1].data(), z, false, work)))
    }
    fn add_to(&self, x: &[&Tensor<T>], sum: &mut Tensor<T>) -> bool {
        let product = self.contraction(x[0].shape(), x[1].shape());
        let mut work = scratch::<T>(kernels::scratch_len::<T>(&product));
        sum.update(|sum| work.update(|work| kernels::contract(&product, x[0].data(), x[1].data(), sum, true, work)));
        true
    }
    fn vjp<'t>(&self, r: &mut Rule<'_, 't, T>, g: Var<'t, T>) {
        let MatMul { tx, ty } = *self;
        let op = if tx { MatMul { tx: ty, ty: true } } else { MatMul { tx: false, ty: !ty } };
        r.add_op(0, op, |r| if tx { [r.x(1), g.clone()] } else { [g.clone(), r.x(1)] });
        let op = if ty { MatMul { tx: true, ty: tx } } else { MatMul { tx: !tx, ty: false } };
        r.add_op(1, op, |r| if ty { [g, r.x(0)] } else { [r.x(0), g] });
    }
}

impl<'t, T: Float> Var<'t, T> {
    /// The matrix product over the last two axes, z\[…, i, j\] = Σₖ x\[…, i, k\] · y\[…, k, j\]; X̄ = Z̄ · Yᵀ,
    /// Ȳ = Xᵀ · Z̄. A right side with two axes serves every matrix of a batch on the left.
    ///
    /// `[…, m, k] · […, k, n] → […, m, n]`
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.input(Tensor::new([1, 2], vec![1., 2.]));
    /// let w = tape.input(Tensor::new([2, 2], vec![3., 4., 5., 6.]));
    /// let z = x.clone().matmul(w.clone());
    /// assert_eq!(z.value().data(), [13., 16.]);
    /// let gradients = z.sum().backward();
    /// assert_eq!(gradients.wrt(&x).unwrap().data(), [7., 11.]);               // sums of the rows of W
    /// assert_eq!(gradients.wrt(&w).unwrap().data(), [1., 1., 2., 2.]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn matmul(self, y: Var<'t, T>) -> Var<'t, T> {
        self.product(y, false)
    }

    /// The matrix product with the right side read transposed, which copies nothing: as
    /// [`matmul`](Var::matmul) with [`transpose`](Var::transpose). In PyTorch this is called `F.linear`.
    ///
    /// `[…, m, k] · […, n, k] → […, m, n]`
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([1, 2], vec![1., 2.]));
    /// let w = tape.constant(Tensor::new([2, 2], vec![3., 4., 5., 6.]));       // stored [out, in]
    /// assert_eq!(x.matmul_transposed(w).value().data(), [11., 17.]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn matmul_transposed(self, y: Var<'t, T>) -> Var<'t, T> {
        self.product(y, true)
    }

    #[track_caller]
    fn product(self, y: Var<'t, T>, ty: bool) -> Var<'t, T> {
        let (left, right) = (self.shape(), y.shape());
        if left.rank() > 2 && right.rank() == 2 {
            let (last, columns) = (left.rank() - 1, left[left.rank() - 1] as usize);
            let (k, n) = sides(right, ty);
            fit("matmul", &[left, right], summed([last, columns], [usize::from(ty), k]));
            let rows = left.dims()[..last].iter().map(|&d| d as usize).product();
            return self.reshape([rows, columns]).product(y, ty).reshape(left.with(last, n));
        }
        Var::apply(MatMul { tx: false, ty }, [self, y])
    }

    /// The last two axes exchanged: `[…, m, n] → […, n, m]`. In PyTorch this is called `mT`.
    ///
    /// ```
    /// # use tandem_autograd::{Params, Tape, Tensor};
    /// # let params = Params::<f64>::new();
    /// # let tape = Tape::new(&params);
    /// let x = tape.constant(Tensor::new([2, 3], vec![1., 2., 3., 4., 5., 6.]));
    /// assert_eq!(x.transpose().value(), &Tensor::new([3, 2], vec![1., 4., 2., 5., 3., 6.]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn transpose(self) -> Var<'t, T> {
        let rank = self.shape().rank();
        assert!(rank >= 2, "transpose: needs two axes, found shape {}", self.shape());
        let mut order: smallvec::SmallVec<[usize; 6]> = (0..rank).collect();
        order.swap(rank - 2, rank - 1);
        self.permute(&order)
    }
}
