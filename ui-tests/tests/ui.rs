//! Compiles every fixture and compares what rustc prints, word by word, with the file beside it.

#[test]
fn mistakes_are_told() {
    trybuild::TestCases::new().compile_fail("fail/*/*.rs");
}
