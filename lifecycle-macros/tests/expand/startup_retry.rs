struct Store;
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle as __lifecycle;
    impl __lifecycle::__private::Declared for Store {
        type Shape = __lifecycle::__private::IdleShape;
        const RETRY: ::core::option::Option<__lifecycle::__private::Retry> = ::core::option::Option::Some(
            __lifecycle::__private::Retry::new(
                ::core::time::Duration::new(0, 100000000),
                ::core::time::Duration::new(10, 0),
            ),
        );
    }
    #[automatically_derived]
    impl __lifecycle::__private::IdleService for Store {}
};
