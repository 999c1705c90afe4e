//! Learning rate and weight decay, an optimizer's own and those of groups of parameters.

use tandem_autograd::{Float, ParamId, Params, SlotId};

/// How parameters of some names differ from the rest. In PyTorch this is called a parameter group.
///
/// An optimizer's `group` takes a predicate on names with it. The first group whose predicate holds for a
/// name has it; what is in none goes by the optimizer's own settings.
///
/// ```
/// use tandem_autograd::{Params, Tape, Tensor};
/// use tandem_nn::{AdamW, Group, Optimizer};
/// let mut params = Params::<f64>::new();
/// let [weight, bias] = ["a.weight", "a.bias"].map(|name| params.add(name, Tensor::scalar(1.0)));
/// // Biases take twice the step, whatever a schedule does to the rate, and do not decay.
/// let biases = Group::new().rate(2.0).decay(0.0);
/// let mut optimizer = AdamW::new(0.1).decay(0.5).group(|name| name.ends_with(".bias"), biases);
/// let tape = Tape::new(&params);
/// let gradients = (tape.param(weight) + tape.param(bias)).backward();
/// optimizer.step(&mut params, &gradients);
/// // The first step of Adam is the rate.
/// assert!((params.get(weight).item() - (1.0 - 0.1 * 0.5 - 0.1)).abs() < 1e-6);
/// assert!((params.get(bias).item() - (1.0 - 0.2)).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    rate: f64,
    decay: Option<f64>,
}

impl Default for Group {
    fn default() -> Group {
        Group::new()
    }
}

impl Group {
    /// No different from the rest.
    pub const fn new() -> Group {
        Group { rate: 1.0, decay: None }
    }

    /// With the optimizer's learning rate times this factor. A schedule's floor is multiplied too; in PyTorch
    /// a group has a rate of its own and the floor is the same for all.
    pub const fn rate(self, factor: f64) -> Group {
        Group { rate: factor, ..self }
    }

    /// With this weight decay instead of the optimizer's.
    pub const fn decay(self, decay: f64) -> Group {
        Group { decay: Some(decay), ..self }
    }
}

type Predicate = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// The settings of an optimizer and of its groups, and which slot is in which group.
pub(super) struct Settings {
    pub(super) rate: f64,
    pub(super) decay: f64,
    groups: Vec<(Predicate, Group)>,
    /// The names when their groups were last looked up.
    names: Vec<(ParamId, SlotId)>,
    /// By slot, its group; one past the last group is none of them.
    by_slot: Vec<Option<usize>>,
}

impl Settings {
    pub(super) const fn new(rate: f64, decay: f64) -> Settings {
        Settings { rate, decay, groups: Vec::new(), names: Vec::new(), by_slot: Vec::new() }
    }

    pub(super) fn push(&mut self, matches: impl Fn(&str) -> bool + Send + Sync + 'static, group: Group) {
        self.groups.push((Box::new(matches), group));
        self.names.clear();
    }

    /// Looks groups up again if names have come, or point to other slots, since.
    #[track_caller]
    pub(super) fn follow<T: Float>(&mut self, params: &Params<T>) {
        let names = || params.names().map(|(id, _)| (id, params.slot(id)));
        if self.groups.is_empty() || self.names.iter().copied().eq(names()) {
            return;
        }
        // Should a conflict end this, the next step is to find it again.
        self.names.clear();
        self.by_slot.clear();
        self.by_slot.resize(params.slot_capacity(), None);
        for (id, path) in params.names() {
            let (slot, group) = (params.slot(id), self.find(path));
            if *self.by_slot[slot.index()].get_or_insert(group) != group {
                let in_group = |path| match self.find(path) {
                    group if group < self.groups.len() => format!("`{path}` in group {group}"),
                    _ => format!("`{path}` in none"),
                };
                let list: Vec<String> = params.names_of(slot).map(|(_, path)| in_group(path)).collect();
                panic!(
                    "step(): names that share a parameter are in different groups: {}; put them into one, or untie them",
                    list.join(", ")
                );
            }
        }
        self.names.extend(names());
    }

    fn find(&self, path: &str) -> usize {
        self.groups.iter().position(|(matches, _)| matches(path)).unwrap_or(self.groups.len())
    }

    /// Learning rate and weight decay of a slot, after [`follow`](Settings::follow).
    pub(super) fn of(&self, slot: SlotId) -> [f64; 2] {
        let group = self.by_slot.get(slot.index()).copied().flatten();
        match group.and_then(|group| self.groups.get(group)) {
            Some((_, group)) => [self.rate * group.rate, group.decay.unwrap_or(self.decay)],
            None => [self.rate, self.decay],
        }
    }

    /// Bytes of the lists and of what the predicates captured, without what that refers to.
    pub(super) fn list_bytes(&self) -> usize {
        let captured: usize = self.groups.iter().map(|(matches, _)| size_of_val(&**matches)).sum();
        self.groups.capacity() * size_of::<(Predicate, Group)>()
            + captured
            + self.names.capacity() * size_of::<(ParamId, SlotId)>()
            + self.by_slot.capacity() * size_of::<Option<usize>>()
    }
}
