using System.Numerics;
using System.Runtime.InteropServices;
using Cellcast.Analysis;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>Principal components of few cells or patients on many genes, through the products between them.</summary>
internal static class LeadingComponents
{
    /// <summary>Products x'x of n cells or patients.</summary>
    /// <param name="genesByRows">Genes in rows, G x n.</param>
    /// <param name="n">Cells or patients.</param>
    internal static double[] Gram(double[] genesByRows, int n)
    {
        // Eight genes at a time, so that the matrix goes through the cache an eighth as often; the order of the sums is that of the genes.
        const int together = 8;
        var gram = new double[n * n];
        int genes = genesByRows.Length / n;
        for (int g = 0; g < genes; g += together)
        {
            int here = Math.Min(together, genes - g);
            for (int i = 0; i < n; i++)
            {
                Span<double> row = gram.AsSpan(i * n, i + 1);
                if (here == together) AddEight(genesByRows, g * n, n, i, row);
                else
                    for (int k = g; k < g + here; k++) Blocks.AddScaled(genesByRows[k * n + i], genesByRows.AsSpan(k * n, i + 1), row);
            }
        }
        for (int i = 0; i < n; i++)
            for (int j = 0; j < i; j++) gram[j * n + i] = gram[i * n + j];
        return gram;
    }

    // row += sum over eight genes of x[gene, i] x[gene, .], gene by gene.
    private static void AddEight(double[] x, int first, int n, int i, Span<double> row)
    {
        ref double x0 = ref x[first], y = ref MemoryMarshal.GetReference(row);
        double a0 = x[first + i], a1 = x[first + n + i], a2 = x[first + 2 * n + i], a3 = x[first + 3 * n + i];
        double a4 = x[first + 4 * n + i], a5 = x[first + 5 * n + i], a6 = x[first + 6 * n + i], a7 = x[first + 7 * n + i];
        int j = 0;
        for (; j <= row.Length - Vector<double>.Count; j += Vector<double>.Count)
        {
            Vector<double> sum = Vector.LoadUnsafe(ref y, (nuint)j);
            sum += a0 * Vector.LoadUnsafe(ref x0, (nuint)j);
            sum += a1 * Vector.LoadUnsafe(ref x0, (nuint)(n + j));
            sum += a2 * Vector.LoadUnsafe(ref x0, (nuint)(2 * n + j));
            sum += a3 * Vector.LoadUnsafe(ref x0, (nuint)(3 * n + j));
            sum += a4 * Vector.LoadUnsafe(ref x0, (nuint)(4 * n + j));
            sum += a5 * Vector.LoadUnsafe(ref x0, (nuint)(5 * n + j));
            sum += a6 * Vector.LoadUnsafe(ref x0, (nuint)(6 * n + j));
            sum += a7 * Vector.LoadUnsafe(ref x0, (nuint)(7 * n + j));
            sum.StoreUnsafe(ref y, (nuint)j);
        }
        for (; j < row.Length; j++)
            for (int k = 0; k < 8; k++) row[j] += x[first + k * n + i] * x[first + k * n + j];
    }

    /// <summary>Largest eigenvalues and their vectors, by orthogonal iteration with a guard block.</summary>
    internal static (double[] Values, double[][] Vectors) Of(double[] gram, int n, int count, RandomKey key)
    {
        const int guard = 4, rounds = 120;
        int width = Math.Min(n, count + guard);
        var random = new RandomStream(key);
        double[][] v = [.. Enumerable.Range(0, width).Select(_ => Enumerable.Range(0, n).Select(_ => random.NextNormal()).ToArray())];
        var value = new double[width];
        for (int round = 0; round <= rounds; round++)
        {
            for (int j = 0; j < width; j++)
            {
                for (int pass = 0; pass < 2; pass++)
                    for (int k = 0; k < j; k++) Blocks.AddScaled(-Blocks.Dot(v[k], v[j]), v[k], v[j]);
                double norm = Math.Sqrt(Blocks.Dot(v[j], v[j]));
                if (norm > 0)
                    for (int i = 0; i < n; i++) v[j][i] /= norm;
            }
            var next = new double[width][];
            for (int j = 0; j < width; j++)
            {
                next[j] = new double[n];
                for (int i = 0; i < n; i++) next[j][i] = Blocks.Dot(gram.AsSpan(i * n, n), v[j]);
                value[j] = Blocks.Dot(next[j], v[j]);
            }
            if (round < rounds) v = next;
        }
        int[] order = [.. Enumerable.Range(0, width).OrderByDescending(j => value[j]).Take(count)];
        return ([.. order.Select(j => value[j])], [.. order.Select(j => v[j])]);
    }
}
