//! Optimizers, schedules, clipping and averages: against PyTorch, against formulas, and over slots that
//! come, go and are shared.

mod by_hand;
mod pytorch;
mod schedule;
mod slots;
