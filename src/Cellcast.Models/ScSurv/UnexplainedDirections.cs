using Cellcast.Analysis;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>What is left of the counts of n patients, genes in rows: each array is G x n.</summary>
/// <param name="Residual">Rate less what the shares of the types say.</param>
/// <param name="Weight">Inverse of its variance.</param>
/// <param name="Standard">What neither types nor programs can explain, whatever their amounts, over its standard deviation.</param>
/// <param name="Programs">What programs explain of the residual, over its standard deviation.</param>
internal sealed record MixtureResiduals(double[] Residual, double[] Weight, double[] Standard, double[] Programs);

/// <summary>
/// Directions of expression in which patients differ together although no cell of the reference does: a cell type that the reference lacks, for one. Principal components over patients of what
/// types and programs cannot explain, kept while their variance exceeds that of the same residuals with every gene shuffled (parallel analysis; Horn 1965). Their scores are known from what lies
/// outside the reach of the reference; the whole direction, that part of it included which looks like a known type or program, is the regression of the residuals on these scores (as surrogate
/// variables are found: Leek and Storey 2007, PLoS Genetics 3, e161).
/// </summary>
internal static class UnexplainedDirections
{
    /// <summary>Patients that directions are looked for in, at most; evenly spread where there are more.</summary>
    internal const int MostPatients = 800;

    private const int Most = 10, LeastPatients = 10;
    // A component must stand out from chance as much as a program of cells. What is mostly a program seen a second time (its effect on the genes is known with errors only, and not quite linear) is left to
    // the program: measured, such components have .25 to 3 of their variance in programs, types that are missing less than .03. What follows the shares of the known types is their rates, which are known with
    // errors, too: .5 to .95 of the variance of such scores is linear in the shares, of missing types less than .25.
    private const double AboveChance = 1.2, MostInPrograms = 0.1, MostInShares = 0.4;

    /// <summary>Finds them.</summary>
    /// <param name="residuals">Residuals of n patients.</param>
    /// <param name="n">Patients.</param>
    /// <param name="shares">Shares of the known types in them, n x T.</param>
    /// <param name="key">Source of chance of the shuffled genes.</param>
    /// <returns>Change of the rate of each gene per unit of a score that has variance 1 over the patients and is skewed to the right, Q x G: of a type that is missing, most patients have little.</returns>
    internal static double[] Find(MixtureResiduals residuals, int n, double[] shares, RandomKey key)
    {
        if (n < LeastPatients) return [];
        int g = residuals.Standard.Length / n;
        double[] x = residuals.Standard;
        for (int j = 0; j < g; j++)
        {
            Span<double> row = x.AsSpan(j * n, n);
            double mean = 0;
            foreach (double v in row) mean += v / n;
            for (int i = 0; i < n; i++) row[i] -= mean;
        }
        int wanted = Math.Min(Most, n - 2);
        var (values, vectors) = LeadingComponents.Of(LeadingComponents.Gram(x, n), n, wanted, key.Split("start"));
        var random = new RandomStream(key.Split("shuffle"));
        for (int j = 0; j < g; j++) random.Shuffle(x.AsSpan(j * n, n));
        double chance = LeadingComponents.Of(LeadingComponents.Gram(x, n), n, 1, key.Split("start")).Values[0];
        double[][] known = Orthonormal(shares, n);
        var scores = new List<double[]>();
        for (int k = 0; k < wanted && values[k] > AboveChance * chance && values[k] > 0; k++)
        {
            double inPrograms = 0;
            for (int j = 0; j < g; j++)
            {
                double dot = Blocks.Dot(residuals.Programs.AsSpan(j * n, n), vectors[k]);
                inPrograms += dot * dot;
            }
            if (inPrograms > MostInPrograms * values[k] || Explained(known, vectors[k]) > MostInShares) continue;
            double scale = vectors[k].Sum(v => v * v * v) < 0 ? -Math.Sqrt(n) : Math.Sqrt(n);
            scores.Add([.. vectors[k].Select(v => v * scale)]);
        }
        return Regress(residuals, n, scores);
    }

    /// <summary>Basis of the constant and the columns of n x T values; the constant comes first.</summary>
    private static double[][] Orthonormal(double[] values, int n)
    {
        int t = values.Length / n;
        var basis = new List<double[]> { Enumerable.Repeat(1 / Math.Sqrt(n), n).ToArray() };
        for (int j = 0; j < t; j++)
        {
            double[] v = [.. Enumerable.Range(0, n).Select(i => values[i * t + j])];
            double before = Blocks.Dot(v, v);
            for (int pass = 0; pass < 2; pass++)
                foreach (double[] b in basis) Blocks.AddScaled(-Blocks.Dot(b, v), b, v);
            double norm = Math.Sqrt(Blocks.Dot(v, v));
            if (norm * norm <= 1e-9 * before) continue;
            for (int i = 0; i < n; i++) v[i] /= norm;
            basis.Add(v);
        }
        return [.. basis];
    }

    /// <summary>Share of the variance of v that a basis explains, less what chance would (adjusted R2).</summary>
    private static double Explained(double[][] basis, double[] v)
    {
        int n = v.Length;
        double mean = Blocks.Dot(basis[0], v), total = Blocks.Dot(v, v) - mean * mean, left = total;
        foreach (double[] b in basis.Skip(1))
        {
            double dot = Blocks.Dot(b, v);
            left -= dot * dot;
        }
        // With fewer patients than types nothing is left to tell.
        return n > basis.Length && total > 0 ? 1 - left / (n - basis.Length) / (total / (n - 1)) : 1;
    }

    /// <summary>Weighted regression of the residuals of each gene on the scores and a constant: slopes, Q x G.</summary>
    private static double[] Regress(MixtureResiduals residuals, int n, List<double[]> scores)
    {
        int g = residuals.Residual.Length / n, q = scores.Count, p = q + 1;
        var slopes = new double[q * g];
        if (q == 0) return slopes;
        double[] normal = new double[p * p], right = new double[p], row = new double[p];
        row[q] = 1;
        for (int j = 0; j < g; j++)
        {
            Array.Clear(normal);
            Array.Clear(right);
            for (int i = 0; i < n; i++)
            {
                for (int k = 0; k < q; k++) row[k] = scores[k][i];
                double w = residuals.Weight[j * n + i];
                for (int a = 0; a < p; a++)
                {
                    right[a] += w * row[a] * residuals.Residual[j * n + i];
                    for (int b = 0; b <= a; b++) normal[a * p + b] += w * row[a] * row[b];
                }
            }
            // A constant keeps the matrix regular where one patient has all the weight.
            for (int a = 0; a < p; a++) normal[a * p + a] *= 1 + 1e-9;
            new DenseCholesky(normal, p).Solve(right);
            for (int k = 0; k < q; k++) slopes[k * g + j] = right[k];
        }
        return slopes;
    }
}
