//! Decisions as values: why a request is denied, what is answered, what may go on.
//!
//! There is no error type between a request and its answer: what cannot be understood is a
//! denial with a [`Reason`]. A [`Reason`] is what logs, metrics and tables name; what the client
//! sees may say less (an unknown and an expired key look the same, a zone that may not be read
//! looks like one that does not exist).

use std::fmt;

/// Declares [`Reason`] once: its code, its HTTP status and the sentence a client reads.
macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $sentence:literal;)*) => {
        /// Why a request was denied; stable kebab-case codes.
        ///
        /// Exhaustive on purpose: callers should break when a new reason appears.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The stable code, such as `no-policy-allows`.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code,)* }
            }

            /// The HTTP status of the answer.
            pub const fn status(self) -> u16 {
                match self { $(Reason::$variant => $status,)* }
            }

            /// A sentence for the person who reads the client's error.
            pub const fn sentence(self) -> &'static str {
                match self { $(Reason::$variant => $sentence,)* }
            }
        }
    };
}

reasons! {
    /// The listener or route says no provider and account, or the bundle has no such account.
    NotConfigured = "not-configured", 503, "this gate is not configured for this request";
    /// No credential where the provider's own credential would be.
    NoKey = "no-key", 401, "a valid API key is required";
    /// More than one credential, or one in a place where it is never accepted.
    ManyKeys = "many-keys", 401, "a valid API key is required";
    /// The credential is not a key of this gate.
    MalformedKey = "malformed-key", 401, "a valid API key is required";
    /// No key with this id, or the wrong secret.
    UnknownKey = "unknown-key", 401, "a valid API key is required";
    /// The key is disabled.
    DisabledKey = "disabled-key", 401, "a valid API key is required";
    /// The key's `not_before` is in the future.
    EarlyKey = "early-key", 401, "a valid API key is required";
    /// The key's `expires` has passed.
    ExpiredKey = "expired-key", 401, "a valid API key is required";
    /// The headers could be read in two ways, or are too large.
    HeadersNotCanonical = "headers-not-canonical", 400, "the request's headers are not acceptable";
    /// The path or query could be read in two ways.
    TargetNotCanonical = "target-not-canonical", 400, "the request's path or query is not acceptable";
    /// The provider's file declares no such route.
    UnknownRoute = "unknown-route", 404, "no such path here";
    /// The path exists, but not with this method.
    UnknownMethod = "unknown-method", 405, "this method is not possible on this path";
    /// A query parameter that is not declared, is forbidden, or is repeated.
    QueryNotUnderstood = "query-not-understood", 400, "a query parameter is not understood by this gate";
    /// A zone, record or id that is not a name this gate accepts.
    NameNotUnderstood = "name-not-understood", 422, "a DNS name in the request is not acceptable";
    /// A record type that is unknown or a meta type.
    TypeNotUnderstood = "type-not-understood", 422, "a record type in the request is not acceptable";
    /// A value with control characters, or no text.
    ValueNotUnderstood = "value-not-understood", 422, "a record value in the request is not acceptable";
    /// The body is over the cap.
    BodyTooLarge = "body-too-large", 413, "the request's body is too large";
    /// The body is not what the route declares.
    BodyNotUnderstood = "body-not-understood", 422, "the request's body is not understood by this gate";
    /// The body means more operations than the cap.
    TooManyOperations = "too-many-operations", 413, "the request asks for too many changes at once";
    /// The request needs more lookups than the cap.
    TooManyLookups = "too-many-lookups", 413, "the request asks for too many changes at once";
    /// No policy permits an operation.
    NoPolicyAllows = "no-policy-allows", 403, "this key may not do this";
    /// A policy forbids an operation.
    PolicyForbids = "policy-forbids", 403, "this key may not do this";
    /// A policy could not be evaluated.
    PolicyError = "policy-error", 403, "this key may not do this";
    /// The zone may not be read at all: answered as an unknown zone.
    ZoneNotVisible = "zone-not-visible", 404, "Not Found";
    /// There is no record with this id in the zone, or the key may not see it.
    RecordNotVisible = "record-not-visible", 404, "Not Found";
    /// The provider did not answer a lookup in time, or answered an error.
    LookupFailed = "lookup-failed", 503, "the DNS provider could not be asked about this request";
    /// The provider's answer to a lookup was not understood.
    LookupNotUnderstood = "lookup-not-understood", 503, "the DNS provider could not be asked about this request";
    /// The worker holds as much for other requests as it may.
    TooBusy = "too-busy", 503, "the gate is busy with other requests; try again later";
    /// The provider's response is over the cap.
    ResponseTooLarge = "response-too-large", 502, "the DNS provider's response cannot be passed on";
    /// The provider's response is not what the route declares.
    ResponseNotUnderstood = "response-not-understood", 502, "the DNS provider's response cannot be passed on";
    /// The gate itself failed; a bug denies.
    Internal = "internal", 500, "the gate could not decide this request";
}

impl Reason {
    /// The code that the client sees.
    ///
    /// SECURITY: keys that fail for different reasons must not be told apart by a client
    /// (case `the-401s-are-alike`), nor a hidden zone from an unknown one.
    pub const fn public_code(self) -> &'static str {
        match self.status() {
            401 => "unauthorized",
            404 => "not-found",
            _ => self.code(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
