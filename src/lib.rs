//! Parameters that are independent, close or equal: a reverse-mode tape, layers on it, and
//! couplings between parameters.

pub use tandem_autograd as autograd;
pub use tandem_nn as nn;
pub use tandem_tying as tying;
