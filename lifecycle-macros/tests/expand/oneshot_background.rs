struct Warmup;
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Warmup {
        type Shape = __lifecycle::OneshotShape;
    }
    #[automatically_derived]
    impl __lifecycle::OneshotService for Warmup {
        const BACKGROUND: bool = true;
    }
};
