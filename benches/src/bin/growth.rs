//! How cost grows with the number of services: `growth` measures everything and draws `docs/growth/*.svg`. What it
//! takes is in the module `growth` of the library.

use std::process::ExitCode;

use lifecycle_benches::growth;

fn main() -> ExitCode {
    match growth::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
