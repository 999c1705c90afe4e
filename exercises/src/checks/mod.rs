//! The tests of the exercises, a module for each chapter, and how they say what went wrong.

use std::fmt::{Debug, Display};

mod ch01;
mod ch02;
mod ch03;
mod ch04;
mod ch05;
mod ch06;
mod ch07;
mod ch08;
mod ch09;
mod ch10;
mod ch11;
mod ch12;
mod ch13;
mod ch14;

/// Fails unless a function gave what it should. `why` is what a reader may have missed.
#[track_caller]
pub fn expect<R: PartialEq + Debug>(function: &str, input: impl Display, received: R, expected: R, why: &str) {
    assert!(received == expected, "{}", message(function, input, &received, &expected, why));
}

/// As [`expect`], for numbers that may differ in their last digits: by 10⁻⁹, or that part of a larger one.
#[track_caller]
pub fn expect_close(function: &str, input: impl Display, received: f64, expected: f64, why: &str) {
    expect_within(1e-9, function, input, received, expected, why);
}

/// As [`expect_close`], with a tolerance.
#[track_caller]
pub fn expect_within(tolerance: f64, function: &str, input: impl Display, received: f64, expected: f64, why: &str) {
    let close = (received - expected).abs() <= tolerance * expected.abs().max(1.0);
    assert!(close, "{}", message(function, input, &received, &expected, why));
}

/// As [`expect_close`], number by number.
#[track_caller]
pub fn expect_all_close(function: &str, input: impl Display, received: &[f64], expected: &[f64], why: &str) {
    let close = |(x, y): (&f64, &f64)| (x - y).abs() <= 1e-9 * y.abs().max(1.0);
    let all = received.len() == expected.len() && received.iter().zip(expected).all(close);
    assert!(all, "{}", message(function, input, &received, &expected, why));
}

fn message(function: &str, input: impl Display, received: &dyn Debug, expected: &dyn Debug, why: &str) -> String {
    format!(
        "\n\n  {function}\n    given     {input}\n    expected  {expected:?}\n    received  {received:?}\n    {why}\n"
    )
}
