//! Compiles every fixture in `fail`: what rustc prints about it must be, word by word, what is in the file beside it.
//! `TRYBUILD=overwrite` writes those files anew: read the difference. What must compile is in `sound`.

use trybuild::TestCases;

#[test]
fn mistakes_are_told() {
    TestCases::new().compile_fail("fail/*/*.rs");
}
