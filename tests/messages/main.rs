//! What a programmer's mistake says, and that it says so at the programmer's line.

mod composites;
mod couplings;
mod images;
mod layers;
mod losses;
mod optimizers;
mod shapes;
mod stores;
mod tapes;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// The message of a panic, and the file and line that it names.
type Said = (String, (String, u32));

thread_local! {
    /// `None` while nobody on this thread waits for a panic.
    static HEARD: RefCell<Option<Said>> = const { RefCell::new(None) };
}

/// Runs what must panic.
fn panic_of<R>(mistake: impl FnOnce() -> R) -> Said {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            let waits = HEARD.with_borrow(Option::is_some);
            let (Some(message), Some(at), true) = (info.payload_as_str(), info.location(), waits) else {
                return usual(info);
            };
            HEARD.set(Some((message.into(), (at.file().into(), at.line()))));
        }));
    });
    HEARD.set(Some(<_>::default()));
    let outcome = catch_unwind(AssertUnwindSafe(|| drop(mistake())));
    let said = HEARD.take().expect("set above");
    assert!(outcome.is_err(), "this was no mistake");
    said
}

/// The message of a mistake; the location that it names must be that of this call.
#[track_caller]
fn said<R>(mistake: impl FnOnce() -> R) -> String {
    let (message, (file, line)) = panic_of(mistake);
    let expected = Location::caller();
    assert_eq!((&*file, line), (expected.file(), expected.line()), "where `{message}` was said");
    message
}
