//! Compiles every fixture: those in `pass` must run, and what rustc prints about those in `fail`
//! must be, word by word, what is in the file beside them. `TRYBUILD=overwrite` writes those files
//! anew: read the difference.

use trybuild::TestCases;

#[test]
fn what_is_sound_compiles() {
    TestCases::new().pass("pass/*/*.rs");
}

#[test]
fn mistakes_are_told() {
    TestCases::new().compile_fail("fail/*/*.rs");
}
