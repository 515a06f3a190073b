(function propertiesbuilder(attr) {
    // Properties of the JDBC driver. One that it does not know travels as a request header: Mica reads
    // 'schema'.
    var props = {};
    var tls = attr[connectionHelper.attributeSSLMode] == "require";
    // The driver encrypts unless it is told not to.
    props["useEncryption"] = tls ? "true" : "false";
    if (tls && attr["v-ca"]) {
        props["tlsRootCerts"] = attr["v-ca"];
    }
    if (attr[connectionHelper.attributeAuthentication] == "auth-user-pass") {
        props["user"] = attr[connectionHelper.attributeUsername];
        props["password"] = attr[connectionHelper.attributePassword];
    }
    if (attr["v-schema"]) {
        props["schema"] = attr["v-schema"];
    }
    return props;
})
