//! Memory name by name: what a parameter, its gradient and an optimizer's state for it take, and what
//! they would take if nothing were shared.

use std::fmt;

use tandem_autograd::{Float, Gradients, Kind, ParamId, Params, SlotId, Tensor};

/// Bytes of what there is of each parameter, under the names that [`Footprint`](crate::autograd::Footprint) has
/// for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameBytes {
    /// The value.
    pub parameters: usize,
    /// The gradient.
    pub gradients: usize,
    /// What the optimizer remembers.
    pub optimizer: usize,
}

/// What one name takes.
#[derive(Clone, Debug)]
pub struct NameRow {
    /// The name.
    pub id: ParamId,
    /// Its path.
    pub name: String,
    /// The slot that it points to.
    pub slot: SlotId,
    /// Whether it is the first name of its slot, which the bytes stand with.
    pub first: bool,
    /// With the first name of a slot: the others. With the others: the first.
    pub shared_with: Vec<String>,
    /// Numbers in the slot.
    pub numbers: usize,
    /// Numbers that the name would have if nothing were shared; see
    /// [`with_connections`](MemoryByName::with_connections).
    pub connections: usize,
    /// Bytes of the slot.
    pub bytes: NameBytes,
}

/// Where the bytes of parameters, gradients and optimizer state are, name by name; printed as a table.
///
/// A slot's bytes stand with its first name. They add up to the categories of the same names in the
/// [`Footprint`](crate::autograd::Footprint) of the moment; what another tensor shares counts as what that
/// tensor is for. In a [`dry_run`](crate::autograd::dry_run) this is a prediction: one step makes the gradients
/// and the optimizer's state without allocating either.
///
/// ```
/// use tandem::{autograd::{Params, Tape, Tensor}, memory::MemoryByName};
/// let mut params = Params::<f32>::new();
/// let [a, b, c] = ["in.weight", "out.weight", "out.bias"].map(|name| params.add(name, Tensor::zeros([10])));
/// params.tie(b, a)?;
/// let tape = Tape::new(&params);
/// let gradients = (tape.param(a) * tape.param(b) + tape.param(c)).square().sum().backward();
/// let memory = MemoryByName::new(&params).with_gradients(&gradients);
/// assert_eq!((memory.unique().parameters, memory.as_if_unshared().parameters), (80, 120));
/// let table = "
/// name            shared with  numbers  connections  parameters  gradients  optimizer state
/// in.weight       out.weight        10           10          40         40                0
/// out.weight      in.weight          –           10           –          –                –
/// out.bias                          10           10          40         40                0
/// unique                            20                       80         80                0
/// as if unshared                                 30         120        120                0";
/// assert_eq!(memory.to_string(), table.trim_start());
/// # Ok::<(), tandem::autograd::ShapeMismatch>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryByName {
    rows: Vec<NameRow>,
}

impl MemoryByName {
    /// The values alone.
    pub fn new<T: Float>(params: &Params<T>) -> MemoryByName {
        let mut rows: Vec<NameRow> = Vec::new();
        let mut first_row: Vec<Option<usize>> = vec![None; params.slot_capacity()];
        for (id, path) in params.names() {
            let (slot, name) = (params.slot(id), path.to_string());
            let numbers = params.value(slot).len();
            let first = first_row[slot.index()];
            let shared_with = first.map(|row| rows[row].name.clone());
            match first {
                Some(row) => rows[row].shared_with.push(name.clone()),
                None => first_row[slot.index()] = Some(rows.len()),
            }
            rows.push(NameRow {
                id,
                name,
                slot,
                first: first.is_none(),
                shared_with: shared_with.into_iter().collect(),
                numbers,
                connections: numbers,
                bytes: NameBytes::default(),
            });
        }
        let mut once = EachBlockOnce::new(Kind::Parameter);
        let memory = MemoryByName { rows };
        memory.with(|slot| once.bytes(params.value(slot)), |bytes| &mut bytes.parameters)
    }

    /// With the gradients of a sweep.
    pub fn with_gradients<T: Float>(self, gradients: &Gradients<T>) -> MemoryByName {
        let mut once = EachBlockOnce::new(Kind::Gradient);
        self.with(|slot| gradients.get(slot).map_or(0, |g| once.bytes(g)), |bytes| &mut bytes.gradients)
    }

    /// With what an optimizer remembers, given how many bytes that is for a slot.
    pub fn with_optimizer(self, state_bytes: impl FnMut(SlotId) -> usize) -> MemoryByName {
        self.with(state_bytes, |bytes| &mut bytes.optimizer)
    }

    /// With the connections of names, as descriptions of layers state them: a kernel's numbers times
    /// the places at which it is applied. Those of a name that comes up again add up; a name that does
    /// not come up keeps its own numbers, as if it were applied once.
    ///
    /// # Panics
    /// If an id is of another store.
    #[track_caller]
    pub fn with_connections(mut self, uses: impl IntoIterator<Item = (ParamId, usize)>) -> MemoryByName {
        let mut stated = vec![false; self.rows.len()];
        for (id, connections) in uses {
            let Some(i) = self.rows.iter().position(|row| row.id == id) else {
                panic!("with_connections(): {id:?} is of another store");
            };
            let before = if stated[i] { self.rows[i].connections } else { 0 };
            self.rows[i].connections = before + connections;
            stated[i] = true;
        }
        self
    }

    /// Fills in one field of every row: asked once for each slot, in the order of first names.
    fn with(
        mut self,
        mut bytes_of: impl FnMut(SlotId) -> usize,
        field: impl Fn(&mut NameBytes) -> &mut usize,
    ) -> MemoryByName {
        let len = self.rows.iter().map(|row| row.slot.index() + 1).max().unwrap_or(0);
        let mut by_slot = vec![0; len];
        for row in &mut self.rows {
            let bytes = &mut by_slot[row.slot.index()];
            if row.first {
                *bytes = bytes_of(row.slot);
            }
            *field(&mut row.bytes) = *bytes;
        }
        self
    }

    /// A row for each name, in the order in which they were added to the store.
    pub fn rows(&self) -> &[NameRow] {
        &self.rows
    }

    /// What there is: each slot once.
    pub fn unique(&self) -> NameBytes {
        sum(self.rows.iter().filter(|row| row.first).map(|row| row.bytes))
    }

    /// What there would be if nothing were shared: every name with a copy of its own for each of its
    /// connections.
    pub fn as_if_unshared(&self) -> NameBytes {
        sum(self.rows.iter().map(|row| {
            let unshared = |bytes: usize| bytes.checked_div(row.numbers).unwrap_or(0) * row.connections;
            let NameBytes { parameters, gradients, optimizer } = row.bytes;
            let [parameters, gradients, optimizer] = [parameters, gradients, optimizer].map(unshared);
            NameBytes { parameters, gradients, optimizer }
        }))
    }
}

fn sum(bytes: impl Iterator<Item = NameBytes>) -> NameBytes {
    bytes.fold(NameBytes::default(), |sum, more| NameBytes {
        parameters: sum.parameters + more.parameters,
        gradients: sum.gradients + more.gradients,
        optimizer: sum.optimizer + more.optimizer,
    })
}

/// Counts blocks of one kind. Two slots that were set from one tensor share a block until one of them
/// changes.
struct EachBlockOnce<'a, T: Float> {
    kind: Kind,
    counted: Vec<&'a Tensor<T>>,
}

impl<'a, T: Float> EachBlockOnce<'a, T> {
    fn new(kind: Kind) -> Self {
        EachBlockOnce { kind, counted: Vec::new() }
    }

    fn bytes(&mut self, tensor: &'a Tensor<T>) -> usize {
        if self.counted.iter().any(|counted| counted.shares_memory_with(tensor)) {
            return 0;
        }
        self.counted.push(tensor);
        tensor.bytes_of(self.kind)
    }
}

/// A line for each name, in bytes, and two sums.
impl fmt::Display for MemoryByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["name", "shared with", "numbers", "connections", "parameters", "gradients", "optimizer state"];
        let cells = |NameBytes { parameters, gradients, optimizer }| {
            [parameters, gradients, optimizer].map(|bytes: usize| bytes.to_string())
        };
        let line = |name: &str, shared_with: String, numbers: String, connections: String, bytes: [String; 3]| {
            let [parameters, gradients, optimizer] = bytes;
            [name.into(), shared_with, numbers, connections, parameters, gradients, optimizer]
        };
        let mut lines = vec![header.map(String::from)];
        for row in &self.rows {
            let dash = || "–".to_string();
            let (numbers, bytes) = if row.first {
                (row.numbers.to_string(), cells(row.bytes))
            } else {
                (dash(), [dash(), dash(), dash()])
            };
            lines.push(line(&row.name, row.shared_with.join(", "), numbers, row.connections.to_string(), bytes));
        }
        let numbers: usize = self.rows.iter().filter(|row| row.first).map(|row| row.numbers).sum();
        let connections: usize = self.rows.iter().map(|row| row.connections).sum();
        let none = String::new;
        lines.push(line("unique", none(), numbers.to_string(), none(), cells(self.unique())));
        lines.push(line("as if unshared", none(), none(), connections.to_string(), cells(self.as_if_unshared())));
        let width = |i: usize| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..header.len()).map(width).collect();
        for (number, line) in lines.iter().enumerate() {
            let aligned =
                line.iter().zip(&widths).enumerate().map(|(i, (cell, &width))| {
                    if i < 2 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
                });
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}{}", aligned.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tandem_autograd::{Footprint, Tape, dry_run};

    use super::*;

    /// What names take whose groups share a slot, after a sweep in which each is used; beside the
    /// footprint of that moment.
    fn memory(groups: &[&[&str]], change: impl Fn(&mut Params<f32>)) -> (MemoryByName, Footprint) {
        dry_run::<f32, _>(|probe| {
            let mut params = Params::<f32>::new();
            for (i, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
                params.add(name, Tensor::zeros([3, 7]));
                params.add(&format!("{name}.other"), Tensor::zeros([i + 2]));
            }
            params.add("number", Tensor::scalar(1.0));
            let id = |params: &Params<f32>, name: &&str| params.find(name).expect("added");
            for group in groups {
                for name in &group[1..] {
                    let [name, with] = [name, &group[0]].map(|name| id(&params, name));
                    params.tie(name, with).unwrap();
                }
            }
            change(&mut params);
            let tape = Tape::new(&params);
            let loss = params.names().map(|(id, _)| tape.param(id).square().sum()).reduce(|sum, more| sum + more);
            let gradients = loss.expect("there are names").backward();
            let memory = MemoryByName::new(&params).with_gradients(&gradients);
            (memory.with_optimizer(|slot| 8 * params.value(slot).len()), probe.now(0))
        })
    }

    fn untie_all(params: &mut Params<f32>) {
        let ids: Vec<ParamId> = params.names().map(|(id, _)| id).collect();
        for id in ids {
            params.untie(id);
        }
    }

    #[test]
    fn names_add_up_to_the_footprint_and_as_if_unshared_is_what_untying_takes() {
        let table: [&[&[&str]]; 4] =
            [&[], &[&["a", "b"]], &[&["a", "b", "c", "d"]], &[&["d", "a"], &["b", "c"], &["c.other", "c.other"]]];
        let changes: [fn(&mut Params<f32>); 3] = [
            |_| {},
            |params| params.set_trainable(params.find("a").unwrap(), false),
            |params| {
                let [from, to] = ["b", "d"].map(|name| params.find(name).unwrap());
                params.set(to, params.get(from).clone()).unwrap();
            },
        ];
        for groups in table {
            for (i, change) in changes.into_iter().enumerate() {
                let (memory, footprint) = memory(groups, change);
                let unique = memory.unique();
                assert_eq!((unique.parameters, unique.gradients), (footprint.parameters, footprint.gradients));
                // Two names that merely hold one tensor count as sharing until one of them is written.
                if i < 2 {
                    let untied = self::memory(groups, |params| (change(params), untie_all(params)).1).0;
                    assert_eq!(memory.as_if_unshared(), untied.unique(), "{groups:?}, change {i}:\n{memory}");
                    assert_eq!(untied.as_if_unshared(), untied.unique());
                }
            }
        }
    }

    #[test]
    fn connections_of_a_name_add_up_over_its_uses() {
        let (memory, _) = memory(&[&["a", "b"]], |_| ());
        let [a, b] = [0, 2].map(|i| memory.rows()[i].id);
        let before = memory.as_if_unshared();
        let after = memory.with_connections([(a, 21 * 4), (b, 21), (a, 21 * 2)]).as_if_unshared();
        // Five more copies of 21 numbers of four bytes.
        assert_eq!(after.parameters - before.parameters, 5 * 84);
        assert_eq!(after.gradients - before.gradients, 5 * 84);
        assert_eq!(after.optimizer - before.optimizer, 5 * 168);
    }
}
