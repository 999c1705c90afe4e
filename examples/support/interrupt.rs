//! Ctrl-C that ends a step, not the program in the middle of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The status with which a program ends that was interrupted: 128 and the number of the signal, as a shell has it.
pub const STATUS: u8 = 130;

/// Whether Ctrl-C was pressed.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on Ctrl-C is only noted; pressed again, it ends the program at once.
    ///
    /// # Errors
    /// If the system does not let it.
    pub fn listen() -> Result<Interrupt, ctrlc::Error> {
        let pressed = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&pressed);
        ctrlc::set_handler(move || {
            if note.swap(true, Ordering::Relaxed) {
                std::process::exit(STATUS.into());
            }
        })?;
        Ok(Interrupt(pressed))
    }

    /// Whether it was pressed since.
    pub fn pressed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
