//! The benchmark driver of `./dev bench`.
fn main() {}
