using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Embedding;

/// <summary>
/// Principal components of a sparse matrix, centred implicitly, by Lanczos' method with full reorthogonalisation on the smaller of both sides
/// (Golub and Van Loan, chapter 10): exact to rounding in what it returns, and only as many products with the matrix as that takes.
/// </summary>
public sealed class PrincipalComponents
{
    private const double ResidualTolerance = 1e-7;

    private readonly double[] _loadings; // genes x components
    private readonly double[] _means;

    private PrincipalComponents(double[] means, double[] loadings, double[] variances, double totalVariance, int count)
    {
        (_means, _loadings, Variances, TotalVariance, Count) = (means, loadings, variances, totalVariance, count);
    }

    /// <summary>Number of components.</summary>
    public int Count { get; }

    /// <summary>Number of genes.</summary>
    public int GeneCount => _means.Length;

    /// <summary>Mean of each gene in the training cells.</summary>
    public IReadOnlyList<double> Means => _means;

    /// <summary>Variance along each component, descending (divisor n - 1).</summary>
    public IReadOnlyList<double> Variances { get; }

    /// <summary>Variance along all possible components.</summary>
    public double TotalVariance { get; }

    /// <summary>Loading of a gene on a component; loadings of a component have length 1 and the largest of them is positive.</summary>
    /// <param name="gene">Column of the gene.</param>
    /// <param name="component">Number of the component.</param>
    public double Loading(int gene, int component) => _loadings[(long)gene * Count + component];

    /// <summary>Finds the components.</summary>
    /// <param name="expression">Cells x genes, usually log-normalised.</param>
    /// <param name="components">How many; at most the smaller of cells - 1 and genes.</param>
    /// <param name="seed">Seed of the random start.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <exception cref="InputException">There are too few cells or genes.</exception>
    public static PrincipalComponents Fit(SparseMatrix expression, int components, long seed = 0, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(expression);
        ArgumentOutOfRangeException.ThrowIfLessThan(components, 1);
        int n = expression.Rows, genes = expression.Columns;
        if (components > Math.Min(n - 1, genes))
            throw new InputException($"{components} components cannot be found in {n} cells x {genes} genes; ask for at most {Math.Max(0, Math.Min(n - 1, genes))}.");
        var centered = new CenteredMatrix(expression, threads);
        var (loadings, squares) = Largest(centered, components, RandomKey.From(seed, "principal components"), threads);
        FixSigns(loadings, genes, components);
        return new PrincipalComponents(centered.Means, loadings, [.. squares.Select(s => Math.Max(0, s) / (n - 1))], centered.SumOfSquares / (n - 1), components);
    }

    /// <summary>Positions of cells along the components, cells x components, row-major.</summary>
    /// <param name="expression">Cells x the same genes.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public float[] Transform(SparseMatrix expression, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(expression);
        if (expression.Columns != GeneCount) throw new InputException($"the cells have {expression.Columns} genes but the components {GeneCount}; bring them to the same genes in the same order.");
        double[] scores = CenteredMatrix.Multiply(expression, _means, _loadings, Count, threads);
        return Array.ConvertAll(scores, s => (float)s);
    }

    /// <summary>Largest eigenvalues of A'A with its eigenvectors (genes x components, row-major), found on the smaller side of A.</summary>
    private static (double[] Loadings, double[] Squares) Largest(CenteredMatrix a, int components, RandomKey key, int threads)
    {
        bool byGene = a.Columns <= a.Rows;
        var between = new double[Math.Max(a.Rows, a.Columns)];
        void Apply(double[] x, double[] y)
        {
            if (byGene)
            {
                a.Times(x, between);
                a.TransposedTimes(between, y);
            }
            else
            {
                a.TransposedTimes(x, between);
                a.Times(between, y);
            }
        }
        var found = SymmetricEigen.Largest(Apply, Math.Min(a.Rows, a.Columns), components, key, ResidualTolerance, threads: threads);
        var loadings = new double[(long)a.Columns * components];
        for (int c = 0; c < components; c++)
        {
            double[] v = found.Vectors[c];
            if (!byGene)
            {
                var w = new double[a.Columns];
                a.TransposedTimes(v, w);
                v = w;
            }
            double length = Math.Sqrt(Blocks.Dot(v, v));
            for (int g = 0; g < v.Length; g++) loadings[(long)g * components + c] = length > 0 ? v[g] / length : 0;
        }
        return (loadings, found.Values);
    }

    private static void FixSigns(double[] loadings, int genes, int components)
    {
        for (int c = 0; c < components; c++)
        {
            double largest = 0;
            for (int g = 0; g < genes; g++)
                if (Math.Abs(loadings[(long)g * components + c]) > Math.Abs(largest)) largest = loadings[(long)g * components + c];
            if (largest >= 0) continue;
            for (int g = 0; g < genes; g++) loadings[(long)g * components + c] *= -1;
        }
    }
}
