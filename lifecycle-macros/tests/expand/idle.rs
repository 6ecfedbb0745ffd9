/// Issues tokens.
#[derive(Debug)]
pub struct Tokenizer;
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle as __lifecycle;
    impl __lifecycle::__private::Declared for Tokenizer {
        type Shape = __lifecycle::__private::IdleShape;
    }
    #[automatically_derived]
    impl __lifecycle::__private::IdleService for Tokenizer {}
};
