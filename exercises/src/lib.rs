//! The exercises of the book, a module for each chapter: `README.md` says how to work through them.

// A function that is not filled in yet leaves its arguments alone.
#![cfg_attr(not(feature = "solutions"), allow(unused_variables, unused_mut, unused_imports, dead_code))]

#[cfg_attr(feature = "solutions", path = "../.solutions/ch01.rs")]
pub mod ch01;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch02.rs")]
pub mod ch02;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch03.rs")]
pub mod ch03;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch04.rs")]
pub mod ch04;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch05.rs")]
pub mod ch05;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch06.rs")]
pub mod ch06;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch07.rs")]
pub mod ch07;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch08.rs")]
pub mod ch08;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch09.rs")]
pub mod ch09;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch10.rs")]
pub mod ch10;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch11.rs")]
pub mod ch11;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch12.rs")]
pub mod ch12;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch13.rs")]
pub mod ch13;
#[cfg_attr(feature = "solutions", path = "../.solutions/ch14.rs")]
pub mod ch14;

#[cfg(test)]
mod checks;
