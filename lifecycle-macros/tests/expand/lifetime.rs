struct View<'a>(
    &'a str,
)
where
    'a: 'static;
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle as __lifecycle;
    impl<'a> __lifecycle::__private::Declared for View<'a>
    where
        'a: 'static,
    {
        type Shape = __lifecycle::__private::IdleShape;
    }
    #[automatically_derived]
    impl<'a> __lifecycle::__private::IdleService for View<'a>
    where
        'a: 'static,
    {}
};
