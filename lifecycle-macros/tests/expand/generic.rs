struct Cache<'a, K: Ord, V = u32, const N: usize = 8>
where
    V: Clone,
{
    every: Duration,
    map: Map<&'a K, V, N>,
}
#[allow(deprecated, redundant_lifetimes, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl<'a, K: Ord, V, const N: usize> __lifecycle::Declared for Cache<'a, K, V, N>
    where
        V: Clone,
        Self: 'static,
        Self: ::core::marker::Send + ::core::marker::Sync,
    {
        type Shape = __lifecycle::ScheduledShape;
    }
    #[automatically_derived]
    impl<'a, K: Ord, V, const N: usize> __lifecycle::ScheduledService
    for Cache<'a, K, V, N>
    where
        V: Clone,
        Self: 'static,
        Self: __lifecycle::Scheduled,
    {
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::interval("every");
        fn period(&self) -> ::core::time::Duration {
            let __interval: &::core::time::Duration = &self.every;
            *__interval
        }
    }
};
