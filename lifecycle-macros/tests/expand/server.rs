struct Api {
    address: String,
}
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Api {
        type Shape = __lifecycle::ServerShape;
        const RETRY: ::core::option::Option<__lifecycle::Retry> = ::core::option::Option::Some(
            __lifecycle::Retry::new(
                ::core::time::Duration::new(0, 100000000),
                ::core::time::Duration::new(10, 0),
            ),
        );
    }
    #[automatically_derived]
    impl __lifecycle::ServerService for Api {}
};
