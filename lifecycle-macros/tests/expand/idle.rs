/// Issues tokens.
#[derive(Debug)]
pub struct Tokenizer;
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Tokenizer {
        type Shape = __lifecycle::IdleShape;
    }
    #[automatically_derived]
    impl __lifecycle::IdleService for Tokenizer {}
};
