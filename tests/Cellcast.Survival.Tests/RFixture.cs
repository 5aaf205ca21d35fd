using System.Text.Json;
using Cellcast.TestSupport;

namespace Cellcast.Survival.Tests;

/// <summary>Reads tests/fixtures/survival: values that R's survival package computed.</summary>
internal sealed class RFixture
{
    private static readonly JsonDocument s_document = JsonDocument.Parse(File.ReadAllText(TestPaths.Fixture("survival", "r_survival_3_5.json")));

    public RFixture(string name)
    {
        Root = s_document.RootElement.GetProperty(name);
        double[][] columns = [.. Root.GetProperty("x").EnumerateArray().Select(Numbers)];
        Data = new SurvivalData(Numbers(Root.GetProperty("time")), [.. Numbers(Root.GetProperty("event")).Select(e => e == 1)]);
        Covariates = new double[Data.Count, columns.Length];
        for (int j = 0; j < columns.Length; j++)
            for (int i = 0; i < Data.Count; i++) Covariates[i, j] = columns[j][i];
    }

    public JsonElement Root { get; }

    public SurvivalData Data { get; }

    public double[,] Covariates { get; }

    public double[] this[string section, string key] => Numbers(Root.GetProperty(section).GetProperty(key));

    public double[] this[string key] => Numbers(Root.GetProperty(key));

    private static double[] Numbers(JsonElement e) => [.. e.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Number ? v.GetDouble() : double.NaN)];
}

internal static class Close
{
    public static void To(double expected, double actual, double relative, string what = "")
    {
        double scale = Math.Max(Math.Abs(expected), 1e-300);
        Assert.True(Math.Abs(expected - actual) <= relative * scale, $"{what} expected {expected:R} but is {actual:R} (relative {Math.Abs(expected - actual) / scale:g2})");
    }

    public static void To(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double relative, string what = "")
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            if (double.IsNaN(expected[i])) Assert.True(double.IsNaN(actual[i]), $"{what}[{i}] should be missing but is {actual[i]}");
            else To(expected[i], actual[i], relative, $"{what}[{i}]");
        }
    }
}
