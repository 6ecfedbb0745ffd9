struct View<'a>(
    &'a str,
)
where
    'a: 'static;
#[allow(deprecated, redundant_lifetimes, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl<'a> __lifecycle::Declared for View<'a>
    where
        'a: 'static,
        Self: 'static,
    {
        type Shape = __lifecycle::IdleShape;
    }
    #[automatically_derived]
    impl<'a> __lifecycle::IdleService for View<'a>
    where
        'a: 'static,
        Self: 'static,
    {}
};
