//! Inputs that make syn, or the printing and dropping of its trees, recurse once for each token,
//! and inputs that take it more than linear time.

use proc_macro2::TokenStream;
use quote::quote;

use crate::tests::expansion::{documented_problems, problems};
use crate::{registry, service};

/// Expressions that go one level deeper with each of `count`.
fn towers(count: usize) -> Vec<String> {
    let tower = |before: &str, middle: &str, behind: &str| {
        [
            before.repeat(count),
            middle.to_owned(),
            behind.repeat(count),
        ]
        .concat()
    };
    vec![
        tower("(", "self.0", ")"),
        tower("[", "self.0", "]"),
        tower("{", "self.0", "}"),
        tower("f(", "self.0", ")"),
        tower("!", "self.0", ""),
        tower("- ", "self.0", ""),
        tower("&", "self.0", ""),
        tower("*", "self.0", ""),
        tower("|a| ", "self.0", ""),
        tower("move || ", "self.0", ""),
        tower("return ", "self.0", ""),
        tower("a = ", "self.0", ""),
        tower("", "self", ".a"),
        tower("", "self.0", ".max(1)"),
        tower("", "self.0", "?"),
        tower("", "self.0", "[0]"),
        tower("", "self.0", "()"),
        tower("", "self.0", " + 1"),
        tower("", "self.0", " as u8"),
        tower("", "if a {}", " else if a {}"),
        tower("", "self.0 as ", "&") + "u8",
        tower("", "self.0 as ", "*const ") + "u8",
        tower("", "self.0 as ", "fn() -> ") + "u8",
        format!("self.0 as {}", tower("V<", "u8", ">")),
        format!("self.0 as {}", tower("V<u8, ", "u8", ">")),
        format!("|{}| x", tower("&", "x", "")),
    ]
}

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("tokens")
}

fn told_of(value: &str) -> [Vec<String>; 2] {
    let value = tokens(value);
    let item = quote!(
        struct Gc(Duration);
    );
    [
        problems(service::expand(quote!(scheduled(interval = #value)), item)),
        problems(registry::expand(quote!([::lifecycle] "a" => #value))),
    ]
}

/// Runs the test with the stack that rustc gives a macro, 8 MB.
fn as_in_rustc(test: impl FnOnce() + Send + 'static) {
    let builder = std::thread::Builder::new().stack_size(8 << 20);
    builder
        .spawn(test)
        .expect("a thread")
        .join()
        .expect("no panic");
}

#[test]
fn what_is_too_deep_is_one_problem() {
    as_in_rustc(|| {
        for count in [1000, 20_000] {
            for tower in towers(count) {
                for told in told_of(&tower) {
                    assert_eq!(told.len(), 1, "{}", &tower[..60]);
                    let told = told.concat();
                    assert!(told.contains("nested too deep for a macro"), "{told}");
                }
            }
        }
    });
}

/// Also right below the limit: the counts pass it in small steps.
#[test]
fn what_is_not_refused_is_read() {
    as_in_rustc(|| {
        let counts = (20..1000).step_by(35);
        let mut read = 0;
        for told in counts.flat_map(towers).map(|tower| told_of(&tower)) {
            read += told.iter().filter(|told| told.is_empty()).count();
        }
        assert!(read > 100, "{read}");
    });
}

#[test]
fn what_people_write_is_not_too_deep() {
    let router = format!("Router::new(){}", ".route(\"/a\", get(a))".repeat(300));
    let body = format!("{{ {} }}", "if a < b { c(d, e); } f = g;".repeat(2000));
    let list = format!("[{}]", "a < b && !c, ".repeat(40));
    let nested = format!("{}x{}", "async { f(".repeat(40), ").await }".repeat(40));
    for value in [router, body, list, nested] {
        let told = problems(registry::expand({
            let value = tokens(&value);
            quote!([::lifecycle] "a" => #value)
        }));
        assert_eq!(told, Vec::<String>::new());
    }
    let documented = tokens(&"#[doc = \"line\"]".repeat(3000));
    let item = quote!(#documented struct Gc { #documented a: u8 });
    assert!(problems(service::expand(quote!(idle), item)).is_empty());
}

#[test]
fn a_deep_item_is_one_problem_and_stays() {
    as_in_rustc(|| {
        for item in [
            format!(
                "struct Gc(u8, {}u8{});",
                "V<".repeat(3000),
                ">".repeat(3000)
            ),
            format!(
                "struct Gc<T: {}u8{}>(T);",
                "V<".repeat(3000),
                ">".repeat(3000)
            ),
            format!(
                "struct Gc([u8; {}1{}]);",
                "(".repeat(3000),
                ")".repeat(3000)
            ),
            format!("fn gc() {{ {}1{} }}", "(".repeat(3000), ")".repeat(3000)),
        ] {
            let expansion = service::expand(quote!(idle), tokens(&item));
            let told = documented_problems(expansion.clone());
            assert_eq!(told.len(), 1, "{}", &item[..40]);
            assert!(expansion.to_string().starts_with(&item[..4]));
        }
    });
}

#[test]
fn a_long_number_is_refused_before_it_is_read() {
    for number in [
        "9".repeat(100_000),
        format!("0x{}", "f".repeat(100_000)),
        format!("0.{}", "3".repeat(100_000)),
        format!("1_{}u32", "0".repeat(100_000)),
    ] {
        let length = number.len();
        let number = tokens(&number);
        let queue = quote!(queue(interval = "1s", size = #number));
        let told = documented_problems(service::expand(
            queue,
            quote!(
                struct Gc;
            ),
        ));
        let help = "write a number that a type of Rust can hold";
        assert_eq!(
            told,
            [format!("this number is {length} characters long | {help}")]
        );
        let setting = quote!([::lifecycle] "a" => s, stop_timeout = f(#number));
        assert_eq!(problems(registry::expand(setting)).len(), 1);
    }
}

#[test]
fn a_long_text_is_refused_before_it_is_read() {
    for text in ["0,", "a.", "A", "1h ", "(", "9", "-", "@", "!", "é"] {
        let text = text.repeat(50_000);
        for args in [
            quote!(scheduled(interval = #text)),
            quote!(scheduled(interval = #text())),
            quote!(scheduled(delay = "1s", jitter = #text)),
            quote!(scheduled(interval = "1s", missed = #text)),
            quote!(queue(size = #text, interval = "1s")),
            quote!(queue(size = 1, interval = "1s", attempts = #text)),
            quote!(idle, startup(retry = #text)),
            quote!(idle, crate = #text),
        ] {
            let told = documented_problems(service::expand(
                args,
                quote!(
                    struct Gc;
                ),
            ));
            assert_eq!(told.len(), 1);
            assert!(
                told[0].contains("bytes long | write one of up to 1000"),
                "{}",
                told[0].len()
            );
        }
        let entry = quote!([::lifecycle] "a" => s, stop_timeout = #text);
        assert_eq!(problems(registry::expand(entry)).len(), 1);
    }
}

/// Each is told with what is near it and with what is given already. A list that is searched anew for
/// each of them makes this run for minutes.
#[test]
fn thousands_of_arguments_are_told_one_by_one() {
    let count = 5000;
    let list: Vec<_> = (0..count).map(|n| format!("unknown_{n} = 1, ")).collect();
    let list = tokens(&list.concat());
    for args in [
        quote!(idle, #list),
        quote!(#list),
        quote!(scheduled(interval = "1s", #list)),
        quote!(queue(#list)),
    ] {
        let told = problems(service::expand(
            args,
            quote!(
                struct Gc;
            ),
        ));
        assert!(told.len() >= count);
    }
    for input in [quote!(#list "a" => s), quote!("a" => s, #list)] {
        let told = problems(registry::expand(quote!([::lifecycle] #input)));
        assert!(told.len() >= count);
    }
}
