fn main() {
    let registry = {
        use ::lifecycle as __lifecycle;
        let mut registry = __lifecycle::__private::assembly();
        registry.service("sdk", sdk);
        registry.service("store", Store::open(path)?).after(&["sdk"]);
        registry.service("api", Api { store }).after(&["store", "sdk"]);
        registry.finish()
    };
}
