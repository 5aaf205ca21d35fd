using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cellcast.Reports;

/// <summary>Writes a report as one HTML file that needs nothing else. Its content security policy lets the browser run the one script that is
/// part of it and load nothing, whatever names the data contains; the same data gives the same bytes.</summary>
public static class ReportWriter
{
    // The default encoder writes <, >, &, ' and everything outside ASCII as \uXXXX: no name can end the script element it stands in.
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.Default,
        Converters =
        {
            new JsonStringEnumConverter(JsonNamingPolicy.CamelCase), new FiniteNumber(), new WellFormed(),
            new PackedNumbers<float>("f32"), new PackedNumbers<double>("f64"), new PackedNumbers<int>("i32"),
        },
    };

    /// <summary>Writes the report as UTF-8.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="data">What to show.</param>
    /// <exception cref="ArgumentException">Arrays of one section differ in length.</exception>
    public static void Write(Stream stream, ReportData data)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(data);
        ReportCheck.Require(data);
        string script = Asset("report.js"), style = Asset("report.css");
        // A script element ends at the first "</script": the bundle must not contain it.
        if (script.Contains("</script", StringComparison.OrdinalIgnoreCase) || style.Contains("</style", StringComparison.OrdinalIgnoreCase))
            throw new InvalidOperationException("the report's own script or style cannot be embedded");
        string hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(script)));
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        writer.Write($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="generator" content="cellcast {HtmlEncoder.Default.Encode(data.Version)}">
            <meta name="referrer" content="no-referrer">
            <link rel="icon" href="data:,">
            <title>{HtmlEncoder.Default.Encode(data.Title.Length > 100 ? data.Title[..100] : data.Title)}</title>
            <style>
            """);
        writer.Write(style);
        writer.WriteLine("</style>");
        writer.WriteLine("</head>");
        writer.WriteLine("<body>");
        writer.WriteLine("""<div id="app"><noscript><p>This report is interactive and needs JavaScript; the same results are in the tables beside it.</p></noscript></div>""");
        writer.Write("""<script type="application/json" id="cellcast-data">""");
        writer.Flush();
        JsonSerializer.Serialize(stream, data, s_json);
        writer.WriteLine("</script>");
        writer.Write("<script>");
        writer.Write(script);
        writer.WriteLine("</script>");
        writer.WriteLine("</body>");
        writer.WriteLine("</html>");
    }

    internal static string Asset(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new InvalidOperationException($"the resource '{name}' is missing");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
