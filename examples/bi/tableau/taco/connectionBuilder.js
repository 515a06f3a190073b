(function dsbuilder(attr) {
    // The URL of the JDBC driver. Nothing secret goes into it.
    var server = attr[connectionHelper.attributeServer];
    // An IPv6 address needs brackets.
    var host = server.indexOf(":") >= 0 && server.charAt(0) != "[" ? "[" + server + "]" : server;
    return ["jdbc:arrow-flight-sql://" + host + ":" + attr[connectionHelper.attributePort] + "/"];
})
