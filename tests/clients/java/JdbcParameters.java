import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Parameters of prepared statements, of every type. Argument: host:port. */
public final class JdbcParameters {
  private static final String VIEW =
      "CREATE OR REPLACE VIEW jdbc_parameters AS SELECT "
          + "CAST(column1 AS INTEGER) AS id, CAST(column2 AS BOOLEAN) AS b, "
          + "CAST(column3 AS TINYINT) AS ti, CAST(column3 AS SMALLINT) AS si, "
          + "CAST(column3 AS INTEGER) AS i, CAST(column3 AS BIGINT) AS bi, "
          + "CAST(column4 AS REAL) AS r, CAST(column4 AS DOUBLE) AS d, "
          + "CAST(column4 AS DECIMAL(10,2)) AS de, CAST(column4 AS DECIMAL(38,10)) AS dl, "
          + "column5 AS vc, CAST(column5 AS VARBINARY) AS vb, CAST(column6 AS DATE) AS da, "
          + "CAST(column7 AS TIME) AS t, CAST(column8 AS TIMESTAMP) AS ts, "
          + "CAST(column8 AS TIMESTAMP) AT TIME ZONE 'UTC' AS tz, column9 AS li FROM (VALUES "
          + "(1, true, 10, 1.5, 'one', '2024-02-29', '01:02:03', '2024-02-29 01:02:03.456', [1]), "
          + "(2, false, 20, 2.5, 'two''s \u00fc', '1969-12-31', '23:59:59', "
          + "'1969-12-31 23:59:59', [2, 2]), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL))";

  /** Sets the first parameter of a statement. */
  private interface Setter {
    void set(PreparedStatement statement) throws SQLException;
  }

  private static Connection connection;

  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    try (Connection opened = DriverManager.getConnection(url);
        Statement statement = opened.createStatement()) {
      connection = opened;
      statement.execute(VIEW);
      setters();
      objects();
      nulls();
      text();
      positions();
      again();
      limits();
      described();
      afterErrors();
      notInTheDriver();
      batches();
      typesFromContext();
      statement.execute("DROP VIEW jdbc_parameters");
    }
    System.out.println("ok");
  }

  private static void expect(String what, Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(what + ": got " + actual + ", expected " + expected);
    }
  }

  /** The first column of all rows. */
  private static List<Object> rows(PreparedStatement statement) throws SQLException {
    List<Object> found = new ArrayList<>();
    try (ResultSet rows = statement.executeQuery()) {
      while (rows.next()) {
        found.add(rows.getObject(1));
      }
    }
    return found;
  }

  /** Expects the ids of the rows for which the condition holds. */
  private static void check(String condition, Setter setter, Integer... ids) throws SQLException {
    String sql = "SELECT id FROM jdbc_parameters WHERE " + condition + " ORDER BY id";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      setter.set(statement);
      expect(condition, rows(statement), List.of(ids));
    }
  }

  private static void setters() throws SQLException {
    check("b = ?", s -> s.setBoolean(1, true), 1);
    check("b = ?", s -> s.setBoolean(1, false), 2);
    for (String column : List.of("ti", "si", "i", "bi", "r", "d")) {
      check(column + " < ?", s -> s.setByte(1, (byte) 100), 1, 2);
      check(column + " < ?", s -> s.setShort(1, (short) 100), 1, 2);
      check(column + " < ?", s -> s.setInt(1, 100), 1, 2);
      check(column + " < ?", s -> s.setLong(1, 100L), 1, 2);
      check(column + " > ?", s -> s.setBigDecimal(1, new BigDecimal("100")));
    }
    check("i = ?", s -> s.setInt(1, 20), 2);
    check("r = ?", s -> s.setFloat(1, 1.5f), 1);
    check("d = ?", s -> s.setDouble(1, 2.5), 2);
    check("d BETWEEN 1 AND ?", s -> s.setFloat(1, 2f), 1);
    // Driver: a decimal must have the scale of the column.
    check("de = ?", s -> s.setBigDecimal(1, new BigDecimal("1.50")), 1);
    check("dl >= ?", s -> s.setBigDecimal(1, new BigDecimal("2.5000000000")), 2);
    check("vc = ?", s -> s.setString(1, "two's \u00fc"), 2);
    check("vc LIKE ?", s -> s.setString(1, "_n%"), 1);
    check("upper(vc) = ?", s -> s.setNString(1, "ONE"), 1);
    check("vb = ?", s -> s.setBytes(1, new byte[] {'o', 'n', 'e'}), 1);
    check("da = ?", s -> s.setDate(1, Date.valueOf("2024-02-29")), 1);
    check("da < ?", s -> s.setDate(1, Date.valueOf("1970-01-01")), 2);
    check("t = ?", s -> s.setTime(1, Time.valueOf("23:59:59")), 2);
    check("ts = ?", s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 01:02:03.456")), 1);
    check("ts = ?", s -> s.setTimestamp(1, Timestamp.valueOf("1969-12-31 23:59:59")), 2);
    // Driver: sends the clock of the client's zone, whatever the zone of the parameter.
    check("tz = ?", s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 01:02:03.456")), 1);
    Long[] list = {2L, 2L};
    check("li = ?", s -> s.setArray(1, connection.createArrayOf("BIGINT", list)), 2);
    check("array_has(li, ?)", s -> s.setLong(1, 1), 1);
  }

  private static void objects() throws SQLException {
    check("b = ?", s -> s.setObject(1, true), 1);
    for (String column : List.of("ti", "si", "i", "bi")) {
      for (Object value : List.of((byte) 20, (short) 20, 20, 20L)) {
        check(column + " = ?", s -> s.setObject(1, value), 2);
      }
      check(column + " = ?", s -> s.setObject(1, 20, Types.INTEGER), 2);
    }
    check("r = ?", s -> s.setObject(1, 1.5f), 1);
    check("d = ?", s -> s.setObject(1, 1.5), 1);
    check("de = ?", s -> s.setObject(1, new BigDecimal("2.50")), 2);
    check("de = ?", s -> s.setObject(1, new BigDecimal("2.50"), Types.DECIMAL), 2);
    check("vc = ?", s -> s.setObject(1, "one"), 1);
    check("vc = ?", s -> s.setObject(1, "one", Types.VARCHAR), 1);
    check("vb = ?", s -> s.setObject(1, new byte[] {'o', 'n', 'e'}), 1);
    check("da = ?", s -> s.setObject(1, Date.valueOf("1969-12-31")), 2);
    check("t = ?", s -> s.setObject(1, Time.valueOf("01:02:03")), 1);
    check("ts = ?", s -> s.setObject(1, Timestamp.valueOf("1969-12-31 23:59:59")), 2);
  }

  private static final String[] COLUMNS = {
    "b", "ti", "si", "i", "bi", "r", "d", "de", "dl", "vc", "vb", "da", "t", "ts", "tz", "li"
  };

  private static void nulls() throws SQLException {
    for (String column : COLUMNS) {
      check(column + " = ?", s -> s.setNull(1, Types.NULL));
      check(column + " = ?", s -> s.setObject(1, null));
    }
    check("coalesce(?, id) = 2", s -> s.setNull(1, Types.INTEGER), 2);
  }

  private static void text() throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT ?")) {
      String quotes = "'\"`\\ ; -- /* ? $1 \n\t\u00fc \uD83C\uDF88";
      for (String value : List.of("", " ", quotes, "x".repeat(1_000_000))) {
        statement.setString(1, value);
        expect("text", rows(statement), List.of(value));
      }
    }
  }

  /** Only what stands for a value is a parameter. */
  private static void positions() throws SQLException {
    String sql =
        "SELECT '?' || vc AS \"?\" /* ? */ FROM jdbc_parameters -- ?\n"
            + "WHERE id IN (?, ?) AND i > ? ORDER BY id LIMIT ?;";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      expect("parameters", statement.getParameterMetaData().getParameterCount(), 4);
      int[] values = {1, 2, 15, 5};
      for (int i = 0; i < values.length; i++) {
        statement.setInt(i + 1, values[i]);
      }
      expect("rows", rows(statement), List.of("?two's \u00fc"));
    }
    try (PreparedStatement statement = connection.prepareStatement("SELECT '?'")) {
      expect("none", statement.getParameterMetaData().getParameterCount(), 0);
      expect("text", rows(statement), List.of("?"));
    }
  }

  private static void again() throws SQLException {
    String sql = "SELECT count(*) FROM range(1000) WHERE value < ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < 100; i++) {
        statement.setLong(1, i);
        expect("run " + i, rows(statement), List.of((long) i));
      }
      expect("the last value stays", rows(statement), List.of(99L));
    }
  }

  private static void limits() throws SQLException {
    String sql = "SELECT value FROM range(10) ORDER BY value LIMIT ? OFFSET ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      Object[][] runs = {
        {2, 0, List.of(0L, 1L)}, {2L, 9L, List.of(9L)}, {0, 0, List.of()}, {5, 20, List.of()}
      };
      for (Object[] run : runs) {
        statement.setObject(1, run[0]);
        statement.setObject(2, run[1]);
        expect("LIMIT " + run[0] + " OFFSET " + run[1], rows(statement), run[2]);
      }
    }
  }

  private static void described() throws SQLException {
    int[] types = {
      Types.BOOLEAN, Types.TINYINT, Types.SMALLINT, Types.INTEGER, Types.BIGINT, Types.FLOAT,
      Types.DOUBLE, Types.DECIMAL, Types.DECIMAL, Types.VARCHAR, Types.VARBINARY, Types.DATE,
      Types.TIME, Types.TIMESTAMP, Types.TIMESTAMP_WITH_TIMEZONE, Types.ARRAY
    };
    String condition = String.join(" = ? OR ", COLUMNS) + " = ?";
    String sql = "SELECT id FROM jdbc_parameters WHERE " + condition;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      ParameterMetaData parameters = statement.getParameterMetaData();
      expect("parameters", parameters.getParameterCount(), types.length);
      for (int i = 1; i <= types.length; i++) {
        expect(COLUMNS[i - 1], parameters.getParameterType(i), types[i - 1]);
        expect("mode", parameters.getParameterMode(i), ParameterMetaData.parameterModeIn);
      }
      expect("class", parameters.getParameterClassName(10), "java.lang.String");
      expect("a column", statement.getMetaData().getColumnName(1), "id");
    }
  }

  private static void refused(Setter call, String message) {
    try {
      call.set(null);
    } catch (SQLException error) {
      expect(error.getMessage(), error.getMessage().contains(message), true);
      return;
    }
    throw new AssertionError("no error: " + message);
  }

  private static void afterErrors() throws SQLException {
    String sql = "SELECT 100 / value FROM range(1, 3) WHERE value = ? / (10 - ?)";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, 10);
      statement.setLong(2, 10);
      refused(none -> rows(statement), "Divide by zero");
      statement.setLong(2, 5);
      expect("after an error", rows(statement), List.of(50L));
      // Driver: refuses these before Mica sees them.
      refused(none -> statement.setLong(3, 1), "parameter ordinal 3 out of range");
      statement.setString(1, "ten");
      refused(none -> rows(statement), "not yet supported for expected Arrow type Int(64, true)");
      statement.setLong(1, 5);
      expect("after another", rows(statement), List.of(100L));
    }
    try (PreparedStatement statement = connection.prepareStatement("SELECT 1 LIMIT ?")) {
      statement.setInt(1, -1);
      refused(none -> rows(statement), "LIMIT must be >= 0");
      statement.setInt(1, 1);
      expect("limit", rows(statement), List.of(1L));
    }
  }

  private static void batches() throws SQLException {
    String sql = "SELECT id FROM jdbc_parameters WHERE id = ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int id = 1; id <= 2; id++) {
        statement.setInt(1, id);
        statement.addBatch();
      }
      refused(none -> statement.executeBatch(), "the statement gives rows");
      statement.clearBatch();
      statement.setInt(1, 2);
      expect("after a batch", rows(statement), List.of(2));
    }
  }

  private static void notInTheDriver() throws SQLException {
    // It cuts a number to the width of the parameter, here to 20, and a fraction off.
    check("i = ?", s -> s.setLong(1, (1L << 32) + 20), 2);
    check("i = ?", s -> s.setDouble(1, 20.5), 2);
    for (String sql : List.of("SELECT id FROM jdbc_parameters WHERE i = ?", "SELECT ? + 1")) {
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        refused(none -> rows(statement), "typedValue");
        statement.setObject(1, "1");
        refused(none -> rows(statement), "Binding value of type STRING is not yet supported");
      }
    }
  }

  private static void typesFromContext() throws SQLException {
    for (String column : COLUMNS) {
      check(column + " IS NOT DISTINCT FROM ?", s -> s.setNull(1, Types.NULL), 3);
    }
    check("i IS NOT DISTINCT FROM ? AND id < 3", s -> s.setInt(1, 20), 2);
    check("CASE WHEN ? THEN id = 1 ELSE id = 2 END", s -> s.setBoolean(1, true), 1);
    // The type of a parameter in a CAST is what it is cast to.
    check("id = CAST(? AS INTEGER)", s -> s.setInt(1, 1), 1);
    check("da = CAST(? AS DATE)", s -> s.setDate(1, Date.valueOf("1969-12-31")), 2);
  }
}
