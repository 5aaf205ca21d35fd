using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests;

/// <summary>Small data for tests, and what Python makes of it.</summary>
internal static class Samples
{
    /// <summary>Counts with many zeros; genes differ in level, and some in level between the groups of cells (cell i is in group i mod groups).</summary>
    public static SparseMatrix Counts(int cells, int genes, int seed, int groups = 3)
    {
        var random = new Random(seed);
        var dense = new float[cells * genes];
        double[] level = [.. Enumerable.Range(0, genes).Select(g => 0.05 * Math.Exp(4 * random.NextDouble()))];
        for (int i = 0; i < cells; i++)
            for (int g = 0; g < genes; g++)
            {
                double mean = level[g] * (g % 5 == i % groups ? 3 : 1);
                int count = 0;
                for (double left = 1; (left *= random.NextDouble()) > Math.Exp(-mean);) count++;
                dense[i * genes + g] = count;
            }
        return SparseMatrix.FromDense(cells, genes, dense);
    }

    public static void Save(SparseMatrix matrix, string path)
    {
        float[] dense = matrix.ToDense();
        File.WriteAllLines(path, Enumerable.Range(0, matrix.Rows).Select(r => string.Join(' ', dense.Skip(r * matrix.Columns).Take(matrix.Columns).Select(v => v.ToString("R", CultureInfo.InvariantCulture)))));
    }

    /// <summary>Runs a script whose last line of output is JSON.</summary>
    public static JsonNode Python(string script, params string[] arguments)
    {
        var run = ExternalTool.RunPython("import sys, json, warnings, numpy as np\nwarnings.simplefilter('ignore')\n" + script, arguments);
        Assert.True(run.ExitCode == 0, run.Error);
        return JsonNode.Parse(run.Output.Trim().Split('\n')[^1].Replace("NaN", "null", StringComparison.Ordinal))!;
    }

    public static double[] Numbers(this JsonNode node) => [.. node.AsArray().Select(v => v is null ? double.NaN : v.GetValue<double>())];
}
