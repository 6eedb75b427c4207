//! Where messages go.

use super::{Entry, RouteError, Routed, Routes};

const ONE: &str = r#"{"op":"==","path":["a"],"value":1}"#;
const MORE: &str = r#"{"op":">","path":["a"],"value":1}"#;

/// Subscriptions `0`, `1`, .. on the topic "t", whose targets are their numbers.
fn routes(conditions: &[Option<&str>]) -> Routes<usize> {
    let ids: Vec<String> = (0..conditions.len()).map(|number| number.to_string()).collect();
    let entries = conditions.iter().zip(&ids).enumerate().map(|(target, (condition, id))| Entry {
        id,
        topic: "t",
        condition: condition.map(str::as_bytes),
        target,
    });
    Routes::new(entries).unwrap()
}

fn routed(targets: &[usize], mismatches: u64) -> Routed<usize> {
    Routed { targets: targets.to_vec(), known: true, mismatches }
}

#[test]
fn the_targets_of_a_topic_come_in_the_order_of_declaration() {
    let routes = routes(&[Some(MORE), None, Some(ONE), Some(MORE), Some(ONE), None]);
    let to = |payload: &str| routes.route("t", None, payload.as_bytes()).unwrap();
    assert_eq!(to(r#"{"a":1}"#), routed(&[1, 2, 4, 5], 0));
    assert_eq!(to(r#"{"a":2}"#), routed(&[0, 1, 3, 5], 0));
    assert_eq!(to(r#"{"a":"x"}"#), routed(&[1, 5], 4));
    assert_eq!(to("{}"), routed(&[1, 5], 0));
}

#[test]
fn a_topic_that_nobody_subscribes_to_is_not_known() {
    let found = routes(&[None]).route("other", None, b"1").unwrap();
    assert_eq!((found.targets, found.known, found.mismatches), (vec![], false, 0));
}

#[test]
fn no_true_condition_leaves_a_known_topic_without_targets() {
    assert_eq!(routes(&[Some(ONE)]).route("t", None, b"{}").unwrap(), routed(&[], 0));
}

#[test]
fn the_one_that_is_named_gets_it_whatever_its_condition() {
    let routes = routes(&[Some(ONE), Some(MORE)]);
    assert_eq!(routes.route("other", Some("1"), b"not JSON").unwrap(), routed(&[1], 0));
}

#[test]
fn a_subscription_without_a_topic_can_only_be_named() {
    let entry = Entry { id: "clean/cron", topic: "", condition: None, target: 7 };
    let routes = Routes::new([entry]).unwrap();
    assert!(!routes.route("", None, b"1").unwrap().known);
    assert_eq!(routes.named("clean/cron"), Ok(&7));
}

#[test]
fn a_payload_is_looked_at_only_where_a_condition_is_declared() {
    assert_eq!(routes(&[None, None]).route("t", None, b"not JSON").unwrap(), routed(&[0, 1], 0));
    let error = routes(&[None, Some(ONE)]).route("t", None, b"not JSON").unwrap_err();
    assert_eq!(error.to_string(), "expected a value: line 1 column 1 (char 0)");
}

#[test]
fn a_condition_that_is_none_is_refused() {
    let entry = Entry { id: "a", topic: "t", condition: Some(&b"{}"[..]), target: 0 };
    assert!(Routes::new([entry]).is_err());
}

#[test]
fn an_unknown_subscription_is_named_and_so_is_the_nearest() {
    let names = ["Charge/orders", "Ship/orders", "Audit/orders"];
    let routes = Routes::new(names.map(|id| Entry { id, topic: "orders", condition: None, target: id })).unwrap();
    let text = |name: &str| routes.named(name).unwrap_err().to_string();
    assert_eq!(
        text("Shipp/orders"),
        r#"no step declares the subscription "Shipp/orders"; did you mean "Ship/orders"?"#
    );
    assert_eq!(text("x"), r#"no step declares the subscription "x""#);
    let unknown = RouteError::UnknownSubscription { name: "x".into(), nearest: None };
    assert_eq!(routes.route("orders", Some("x"), b"1"), Err(unknown));
}

/// Found by `difflib.get_close_matches(name, known, n=1)`.
#[test]
fn the_nearest_is_that_of_difflib() {
    let frequent = "ab".repeat(150);
    let rows: &[(&str, &[&str], Option<&str>)] = &[
        ("appel", &["ape", "apple", "peach"], Some("apple")),
        ("abcd", &["abxx", "xxcd"], None),             // 2 * 2 / 8 = 0.5
        ("abcde", &["abcxx", "xxcde"], Some("xxcde")), // 2 * 3 / 10 = 0.6, and the last by code point
        ("", &["", "a"], Some("")),
        ("straße", &["strasse", "Straße"], Some("Straße")),
        (&frequent, &["abababab"], None),
        (&frequent, &[&frequent[2..]], Some(&frequent[2..])),
    ];
    for (name, known, expected) in rows {
        assert_eq!(super::nearest::nearest(name, known.iter().copied()), *expected, "{name}");
    }
}
