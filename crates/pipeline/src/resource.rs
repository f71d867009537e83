//! The resource: who sends the telemetry (OpenTelemetry specification, Resource SDK), with the Python SDK's defaults.

use std::path::Path;

use opentelemetry::KeyValue;
use percent_encoding::percent_decode_str;
use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::attributes::{AttributeValue, Attributes, Key};
use crate::diagnostics::{self, Level};
use crate::environment;
use crate::process::PerProcess;

const SERVICE_NAME: &str = "service.name";
const SERVICE_INSTANCE_ID: &str = "service.instance.id";

/// What the Python side knows about itself.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// `telemetry.sdk.version`: the version of `opentelemetry-api`, whose contract the SDK implements.
    pub api_version: &'a str,
    /// `sys.executable`, for the default `service.name`.
    pub executable: &'a str,
}

/// Attributes and the schema that they follow.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Resource {
    attributes: Attributes,
    schema_url: String,
}

impl Resource {
    /// A resource of exactly these attributes. An empty `schema_url` stands for an absent one.
    pub fn new(attributes: Attributes, schema_url: impl Into<String>) -> Self {
        Self { attributes, schema_url: schema_url.into() }
    }

    /// The SDK's own attributes, then a fresh `service.instance.id`, then `OTEL_RESOURCE_ATTRIBUTES`, then
    /// `OTEL_SERVICE_NAME`, then the given attributes, the later ones winning. Without a `service.name` it is
    /// `unknown_service:` and the base name of the executable.
    pub fn create(attributes: Attributes, schema_url: impl Into<String>, identity: Identity<'_>) -> Self {
        report_unknown_detectors();
        let resource = Self::new(sdk_attributes(identity), "")
            .merge(&process_resource())
            .merge(&Self::new(environment_attributes(), ""))
            .merge(&Self::new(attributes, schema_url));
        match resource.attributes.get(SERVICE_NAME) {
            Some(AttributeValue::Str(name)) if name.is_empty() => resource.with_default_service_name(identity),
            Some(AttributeValue::Null) | None => resource.with_default_service_name(identity),
            Some(_) => resource,
        }
    }

    /// The attributes of both, `other` winning. Two different schema URLs cannot be merged: this one is kept as it is
    /// and one line says so.
    pub fn merge(&self, other: &Self) -> Self {
        if !self.schema_url.is_empty() && !other.schema_url.is_empty() && self.schema_url != other.schema_url {
            diagnostics::report(
                Level::Error,
                "resource.merge",
                format!(
                    "resources with different schema URLs ({} and {}) cannot be merged; the second one is ignored",
                    self.schema_url, other.schema_url
                ),
            );
            return self.clone();
        }
        let schema_url = if self.schema_url.is_empty() { &other.schema_url } else { &self.schema_url };
        Self::new(merged(&self.attributes, &other.attributes), schema_url.clone())
    }

    /// What this resource is in a forked child: as in the Python SDK, with a `service.instance.id` of the child's own.
    pub fn for_this_process(&self) -> Self {
        self.merge(&process_resource())
    }

    /// The attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The schema URL; empty if there is none.
    pub fn schema_url(&self) -> &str {
        &self.schema_url
    }

    /// The same resource as a resource of `opentelemetry_sdk`.
    pub fn to_sdk(&self) -> opentelemetry_sdk::Resource {
        let attributes: Vec<KeyValue> = self.attributes.clone().into();
        let builder = opentelemetry_sdk::Resource::builder_empty();
        if self.schema_url.is_empty() {
            builder.with_attributes(attributes).build()
        } else {
            builder.with_schema_url(attributes, self.schema_url.clone()).build()
        }
    }

    fn with_default_service_name(&self, identity: Identity<'_>) -> Self {
        let name = default_service_name(identity.executable);
        self.merge(&Self::new(Attributes::from_iter([(SERVICE_NAME, name)]), ""))
    }
}

/// Both, in the order of a Python `dict.update`: a key that is replaced stays where it stands.
fn merged(base: &Attributes, update: &Attributes) -> Attributes {
    let mut merged: Vec<(Key, AttributeValue)> = base.clone().into_iter().collect();
    for (key, value) in update.clone() {
        match merged.iter_mut().find(|(present, _)| *present == key) {
            Some((_, present)) => *present = value,
            None => merged.push((key, value)),
        }
    }
    merged.into_iter().collect()
}

fn sdk_attributes(identity: Identity<'_>) -> Attributes {
    Attributes::from_iter([
        ("telemetry.sdk.language", "python".to_owned()),
        ("telemetry.sdk.name", "opentelemetry".to_owned()),
        ("telemetry.sdk.version", identity.api_version.to_owned()),
        ("telemetry.distro.name", "otel-rs".to_owned()),
        ("telemetry.distro.version", env!("CARGO_PKG_VERSION").to_owned()),
    ])
}

fn process_resource() -> Resource {
    Resource::new(Attributes::from_iter([(SERVICE_INSTANCE_ID, service_instance_id().to_owned())]), "")
}

fn environment_attributes() -> Attributes {
    const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let mut attributes: Vec<(String, String)> = Vec::new();
    let mut invalid = 0;
    for pair in environment::text(VARIABLE).unwrap_or_default().split(',') {
        match pair.split_once('=') {
            Some((key, value)) => {
                let value = percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
                attributes.push((key.trim().to_owned(), value));
            }
            // A trailing comma is no mistake worth a line.
            None if pair.trim().is_empty() => {}
            None => invalid += 1,
        }
    }
    if invalid > 0 {
        let message = format!(
            "{VARIABLE} has {invalid} item(s) without \"=\"; expected key=value pairs separated by commas; using the others"
        );
        diagnostics::report(Level::Warning, VARIABLE, message);
    }
    if let Some(name) = environment::text("OTEL_SERVICE_NAME") {
        attributes.push((SERVICE_NAME.to_owned(), name));
    }
    attributes.into_iter().collect()
}

fn default_service_name(executable: &str) -> String {
    match Path::new(executable).file_name() {
        Some(name) => format!("unknown_service:{}", name.to_string_lossy()),
        None => "unknown_service".to_owned(),
    }
}

/// Detectors are Python classes of the Python SDK's package, which the native road does without.
fn report_unknown_detectors() {
    const VARIABLE: &str = "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS";
    let Some(value) = environment::text(VARIABLE) else { return };
    let built_in = ["otel", "service_instance"];
    if value.split(',').map(str::trim).any(|name| !name.is_empty() && !built_in.contains(&name)) {
        let expected = "otel and service_instance, the detectors that the native SDK has";
        environment::report_invalid(VARIABLE, &environment::quoted(&value), expected, "these two");
    }
}

/// One random UUID (version 4) per process: a forked child gets its own.
fn service_instance_id() -> &'static str {
    static OF_PROCESS: PerProcess<String> = PerProcess::new();
    OF_PROCESS.get_or_build(uuid_v4)
}

fn uuid_v4() -> String {
    let mut bytes = [0_u8; 16];
    if OsRng.try_fill_bytes(&mut bytes).is_err() {
        // No entropy source: the clock and the process still tell one instance from another.
        let seed = u128::from(crate::clock::now_ns()) << 32 | u128::from(std::process::id());
        bytes = seed.to_be_bytes();
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::tests::lines;

    const IDENTITY: Identity<'_> = Identity { api_version: "1.45.1", executable: "/usr/bin/python3.11" };

    fn resource(attributes: &[(&'static str, &'static str)], schema_url: &str) -> Resource {
        Resource::new(attributes.iter().copied().collect(), schema_url)
    }

    fn keys(resource: &Resource) -> Vec<&str> {
        resource.attributes.iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn later_sources_win() {
        // SAFETY: no other test of this process reads or writes these variables.
        unsafe {
            std::env::set_var("OTEL_RESOURCE_ATTRIBUTES", " a = x%20y ,b=2,broken,c=env,service.name=attr,");
            std::env::set_var("OTEL_SERVICE_NAME", "named");
        }
        let created = Resource::create(Attributes::from_iter([("c", "code")]), "", IDENTITY);
        let value = |key| created.attributes.get(key).cloned();
        assert_eq!(value("a"), Some("x y".into()));
        assert_eq!(value("c"), Some("code".into()));
        assert_eq!(value("service.name"), Some("named".into()));
        assert_eq!(value("telemetry.sdk.version"), Some("1.45.1".into()));
        assert!(lines("OTEL_RESOURCE_ATTRIBUTES")[0].contains("1 item(s) without"));

        let overridden = Resource::create(Attributes::from_iter([("service.name", "")]), "", IDENTITY);
        assert_eq!(overridden.attributes.get("service.name"), Some(&"unknown_service:python3.11".into()));
    }

    #[test]
    fn the_instance_is_a_random_uuid_of_the_process() {
        let id = service_instance_id();
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert_eq!(id, service_instance_id());
        assert_ne!(uuid_v4(), uuid_v4());
    }

    #[test]
    fn merging_keeps_the_order_of_the_base() {
        let merged = resource(&[("a", "1"), ("b", "2")], "").merge(&resource(&[("a", "3"), ("c", "4")], "url"));
        assert_eq!(keys(&merged), ["a", "b", "c"]);
        assert_eq!(merged.attributes.get("a"), Some(&"3".into()));
        assert_eq!(merged.schema_url(), "url");
    }

    #[test]
    fn different_schemas_do_not_merge() {
        let base = resource(&[("a", "1")], "one");
        assert_eq!(base.merge(&resource(&[("a", "2")], "two")), base);
        assert_eq!(lines("resource.merge").len(), 1);
    }

    #[test]
    fn an_executable_without_a_name_leaves_the_bare_default() {
        assert_eq!(default_service_name(""), "unknown_service");
    }
}
