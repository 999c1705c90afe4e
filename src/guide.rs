#![doc = include_str!(concat!(env!("OUT_DIR"), "/README.md"))]

/// A module for each page, whose documentation it is; `build.rs` has made its links lead to pages.
macro_rules! pages {
    ($($page:ident = $file:literal),* $(,)?) => {
        $(
            #[doc = include_str!(concat!(env!("OUT_DIR"), "/", $file, ".md"))]
            pub mod $page {}
        )*
    };
}

pages! {
    ch01_derivative = "ch01_derivative",
    ch02_tape = "ch02_tape",
    ch03_used_twice = "ch03_used_twice",
    ch04_broadcasting = "ch04_broadcasting",
    ch05_second_derivatives = "ch05_second_derivatives",
    ch06_parameters = "ch06_parameters",
    ch07_mlp = "ch07_mlp",
    ch08_convolution = "ch08_convolution",
    ch09_bytes = "ch09_bytes",
    ch10_close = "ch10_close",
    ch11_two_models = "ch11_two_models",
    ch12_when = "ch12_when",
    ch13_fast = "ch13_fast",
    ch14_elsewhere = "ch14_elsewhere",
    architecture = "ARCHITECTURE",
    contributing = "CONTRIBUTING",
    results = "RESULTS",
}
