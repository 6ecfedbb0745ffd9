fn main() {
    let registry = {
        use ::lifecycle as __lifecycle;
        const _: () = {
            #[derive(__lifecycle::__private::RegistryCheck)]
            #[allow(dead_code)]
            enum Entries {
                #[entry("store")]
                Entry0,
                #[cfg(feature = "api")]
                #[cfg(unix)]
                #[entry("api", wants "cache", "store")]
                Entry1,
                #[entry(before "cache")]
                Entry2,
                #[cfg(not(feature = "api"))]
                #[entry("api")]
                Entry3,
            }
        };
        let mut __registry = __lifecycle::__private::assembly();
        __registry.service("store", store);
        #[cfg(feature = "api")] #[cfg(unix)]
        __registry.service("api", Api).wants(&["cache"]).after(&["store"]);
        __registry.service("cache", cache).before_all();
        #[cfg(not(feature = "api"))] __registry.service("api", Stub);
        __registry.finish()
    };
}
