using Cellcast.AnnData;
using Cellcast.Tensors.Random;
using MathNet.Numerics.LinearAlgebra;

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
        var (loadings, squares) = Lanczos(centered, components, RandomKey.From(seed, "principal components"));
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

    /// <summary>Largest eigenvalues of A'A with its eigenvectors (genes x components, row-major).</summary>
    private static (double[] Loadings, double[] Squares) Lanczos(CenteredMatrix a, int components, RandomKey key)
    {
        bool byGene = a.Columns <= a.Rows;
        int size = Math.Min(a.Rows, a.Columns);
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

        var basis = new List<double[]>();
        var diagonal = new List<double>();
        var beside = new List<double>();
        double[] next = RandomVector(key, 0, size);
        Orthogonalize(next, basis);
        for (int check = Math.Min(size, 2 * components + 20); ;)
        {
            double[] v = next;
            basis.Add(v);
            next = new double[size];
            Apply(v, next);
            diagonal.Add(Blocks.Dot(v, next));
            double scale = Math.Sqrt(Blocks.Dot(next, next)), left = Orthogonalize(next, basis);
            // Nothing new: the basis holds a whole invariant space, and a random direction outside it opens the next one.
            bool closed = left <= 1e-12 * Math.Max(scale, diagonal.Max());
            beside.Add(closed ? 0 : left);
            int m = basis.Count;
            if (m == check || m == size)
            {
                var (values, vectors) = TridiagonalEigen(diagonal, beside);
                bool enough = m == size || Enumerable.Range(0, components).All(c => left * Math.Abs(vectors[m - 1, c]) <= ResidualTolerance * values[0] && !closed);
                if (enough) return (Loadings(a, basis, vectors, components, byGene), values[..components]);
                check = Math.Min(size, m + Math.Max(20, components / 2));
            }
            if (!closed) continue;
            next = RandomVector(key, m, size);
            Orthogonalize(next, basis);
        }
    }

    private static double[] RandomVector(RandomKey key, int number, int size)
    {
        var v = new float[size];
        RandomFill.Normal(key.Split(number), v);
        return Array.ConvertAll(v, x => (double)x);
    }

    /// <summary>Takes the basis out of a vector, twice for accuracy, and gives it unit length; returns the length it had left.</summary>
    private static double Orthogonalize(double[] v, List<double[]> basis)
    {
        for (int pass = 0; pass < 2; pass++)
            foreach (double[] b in basis) Blocks.AddScaled(-Blocks.Dot(b, v), b, v);
        double length = Math.Sqrt(Blocks.Dot(v, v));
        if (length > 0)
            for (int i = 0; i < v.Length; i++) v[i] /= length;
        return length;
    }

    /// <summary>Eigenvalues, descending, and eigenvectors, in columns.</summary>
    private static (double[] Values, double[,] Vectors) TridiagonalEigen(List<double> diagonal, List<double> beside)
    {
        int m = diagonal.Count;
        var matrix = Matrix<double>.Build.Dense(m, m);
        for (int i = 0; i < m; i++)
        {
            matrix[i, i] = diagonal[i];
            if (i + 1 < m) matrix[i, i + 1] = matrix[i + 1, i] = beside[i];
        }
        var evd = matrix.Evd(Symmetricity.Symmetric);
        int[] order = [.. Enumerable.Range(0, m).OrderByDescending(i => evd.EigenValues[i].Real)];
        var vectors = new double[m, m];
        for (int c = 0; c < m; c++)
            for (int i = 0; i < m; i++) vectors[i, c] = evd.EigenVectors[i, order[c]];
        return ([.. order.Select(i => evd.EigenValues[i].Real)], vectors);
    }

    private static double[] Loadings(CenteredMatrix a, List<double[]> basis, double[,] vectors, int components, bool byGene)
    {
        var loadings = new double[(long)a.Columns * components];
        var found = new List<double[]>();
        for (int c = 0; c < components; c++)
        {
            var v = new double[basis[0].Length];
            for (int j = 0; j < basis.Count; j++) Blocks.AddScaled(vectors[j, c], basis[j], v);
            if (!byGene)
            {
                var w = new double[a.Columns];
                a.TransposedTimes(v, w);
                v = w;
            }
            Orthogonalize(v, found);
            found.Add(v);
            for (int g = 0; g < v.Length; g++) loadings[(long)g * components + c] = v[g];
        }
        return loadings;
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
