struct Migration;
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::framework::lifecycle as __lifecycle;
    impl __lifecycle::__private::Declared for Migration {
        type Shape = __lifecycle::__private::OneshotShape;
    }
    #[automatically_derived]
    impl __lifecycle::__private::OneshotService for Migration {}
};
