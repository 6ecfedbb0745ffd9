//! `cargo bench --manifest-path benches/Cargo.toml`: `lifecycle` beside what people would use in its place.

use std::process::ExitCode;

use lifecycle_benches::compare::{self, Programs};

fn main() -> ExitCode {
    let compared = compare::main(Programs {
        timed: env!("CARGO_BIN_EXE_timed"),
        counted: env!("CARGO_BIN_EXE_counted"),
    });
    match compared {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
