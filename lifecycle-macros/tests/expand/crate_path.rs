struct Migration;
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::framework::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Migration {
        type Shape = __lifecycle::OneshotShape;
    }
    #[automatically_derived]
    impl __lifecycle::OneshotService for Migration {}
};
