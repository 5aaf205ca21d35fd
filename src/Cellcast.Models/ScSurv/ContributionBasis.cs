using Cellcast.Analysis;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// What the contribution of a cell may depend on, as features phi(c) in components: its <c>type</c> (one indicator per type or cluster), its latent <c>state</c> (a Gaussian process
/// with a squared-exponential kernel, through inducing states: phi = L^-1 k(z, inducing), K = L L'), and the expression <c>programs</c> within its type (linear). Patients may differ in what no cell of the
/// reference explains: that part of their hazard belongs to <c>unexplained</c> features, which are zero for all cells, rather than to the cells that stand in for what is missing.
/// </summary>
public sealed class ContributionBasis
{
    /// <summary>Inducing states at most.</summary>
    public const int MostInducing = 64;

    // Length scale over the median distance of two cells: chosen on simulated studies.
    private const double RelativeLengthScale = 0.5;
    private const double Jitter = 1e-6;
    private const int BlockRows = 1024;

    private readonly DenseCholesky _kernel;

    // Prior variance over cells relative to that between types: states tell types apart once more and refine them; programs may matter as much as types.
    private const double RatioOfStates = 0.37, RatioOfPrograms = 1;

    internal ContributionBasis(double[] inducing, int latent, double lengthScale, int types, double[] programDeviation, int[] programType, int unexplained = 0)
    {
        (Inducing, Latent, LengthScale, Types, ProgramDeviation, Unexplained) = (inducing, latent, lengthScale, types, programDeviation, unexplained);
        int m = inducing.Length / latent;
        var k = new double[m * m];
        for (int i = 0; i < m; i++)
            for (int j = 0; j < m; j++)
            {
                double sum = 0;
                for (int d = 0; d < latent; d++)
                {
                    double v = inducing[i * latent + d] - inducing[j * latent + d];
                    sum += v * v;
                }
                k[i * m + j] = Math.Exp(-sum / (2 * lengthScale * lengthScale)) + (i == j ? Jitter : 0);
            }
        _kernel = new DenseCholesky(k, m);
        Components =
        [
            new("types", 0, types) { CellVariance = 1 },
            new("states", types, m) { CellVariance = 1, ExpectedRatio = RatioOfStates },
            // Scores have variance 1 within their type; of the types that have programs, the mean.
            new("programs", types + m, programDeviation.Length) { CellVariance = programDeviation.Sum(d => d * d) / Math.Max(1, programType.Distinct().Count()), ExpectedRatio = RatioOfPrograms },
        ];
        // The features are shares of cells of a kind that is not in the reference: such a kind may matter as much as the types do.
        if (unexplained > 0) Components = [.. Components, new("unexplained", types + m + programDeviation.Length, unexplained) { CellVariance = 1 }];
    }

    /// <summary>Inducing states, M x z.</summary>
    public double[] Inducing { get; }

    /// <summary>z.</summary>
    public int Latent { get; }

    /// <summary>Length scale of the kernel, in units of the latent state.</summary>
    public double LengthScale { get; }

    /// <summary>Types or clusters; cells may belong to none (-1).</summary>
    public int Types { get; }

    /// <summary>Standard deviation over patients of the mean score of each program: what hardly differs between patients has little room to contribute.</summary>
    public double[] ProgramDeviation { get; }

    /// <summary>Number of features of patients for what no cell of the reference explains, the last ones; zero for cells.</summary>
    public int Unexplained { get; }

    /// <summary>First feature of the programs.</summary>
    internal int FirstProgram => Components[2].First;

    /// <summary>The components, in the order of the columns.</summary>
    public IReadOnlyList<ContributionComponent> Components { get; }

    /// <summary>Number of features F.</summary>
    public int Features => Types + Inducing.Length / Latent + ProgramDeviation.Length + Unexplained;

    /// <summary>Builds the basis for the cells of a reference.</summary>
    /// <param name="states">Latent states, N x z.</param>
    /// <param name="latent">z.</param>
    /// <param name="types">Number of types or clusters.</param>
    /// <param name="programDeviation">Standard deviation over patients of each program's mean score; empty for no programs.</param>
    /// <param name="programType">Type of each program.</param>
    /// <param name="unexplained">Number of features of patients for what no cell of the reference explains.</param>
    /// <param name="key">Source of chance of the inducing states.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static ContributionBasis Build(float[] states, int latent, int types, double[] programDeviation, int[] programType, int unexplained, RandomKey key, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(programDeviation);
        ArgumentNullException.ThrowIfNull(programType);
        int n = states.Length / latent;
        double[] inducing = StateClusters.KMeans(states, latent, Math.Clamp(n / 10, 1, MostInducing), key, threads).Centers;
        return new ContributionBasis(inducing, latent, Math.Max(1e-6, RelativeLengthScale * MedianDistance(states, latent)), types, programDeviation, programType, unexplained);
    }

    /// <summary>Features of neighbouring cells.</summary>
    /// <param name="states">Latent states of all cells, N x z.</param>
    /// <param name="types">Type of each cell, -1 for none.</param>
    /// <param name="programs">Scores of all cells on the programs of their types.</param>
    /// <param name="first">First of the cells.</param>
    /// <param name="count">How many.</param>
    /// <param name="features">Receives count x F.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    public void OfCells(float[] states, int[] types, ProgramScores programs, int first, int count, double[] features, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(types);
        ArgumentNullException.ThrowIfNull(programs);
        ArgumentNullException.ThrowIfNull(features);
        int f = Features, m = Inducing.Length / Latent;
        Blocks.Ranges(count, threads, (from, to) =>
        {
            for (int r = from; r < to; r++)
            {
                int c = first + r;
                Span<double> row = features.AsSpan(r * f, f);
                row.Clear();
                if (types[c] >= 0) row[types[c]] = 1;
                Span<double> state = row.Slice(Types, m);
                for (int j = 0; j < m; j++)
                    state[j] = Math.Exp(-StateClusters.SquaredDistance(states.AsSpan(c * Latent, Latent), Inducing.AsSpan(j * Latent, Latent)) / (2 * LengthScale * LengthScale));
                _kernel.Forward(state);
                ReadOnlySpan<double> own = programs.Own(c);
                for (int j = 0, k = programs.First(c); j < own.Length; j++, k++) row[Types + m + k] = own[j] * ProgramDeviation[k];
            }
        });
    }

    /// <summary>Features of all cells, made when they are asked for.</summary>
    internal CellFeatures OfCells(float[] states, int[] types, ProgramScores programs) =>
        new(types.Length, Features, (first, count, features, threads) => OfCells(states, types, programs, first, count, features, threads));

    /// <summary>Features of patients, spots or any mixtures of cells, those of the cells being made on the way, block by block; zero for what no cell explains.</summary>
    /// <param name="states">Latent states of the cells, N x z.</param>
    /// <param name="types">Type of each cell, -1 for none.</param>
    /// <param name="programs">Scores of the cells on the programs of their types.</param>
    /// <param name="shares">Shares, N x S; every column sums to one.</param>
    /// <param name="threads">Threads, 0 for all cores; the sums do not depend on it.</param>
    /// <returns>S x F.</returns>
    public double[] OfMixtures(float[] states, int[] types, ProgramScores programs, RowStore shares, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(types);
        ArgumentNullException.ThrowIfNull(programs);
        ArgumentNullException.ThrowIfNull(shares);
        double[] mixed = new double[shares.Columns * Features], features = new double[Math.Min(BlockRows, shares.Rows) * Features];
        shares.ForEachBlock((first, count, block) =>
        {
            OfCells(states, types, programs, first, count, features, threads);
            Add(features, 0, count, block, mixed, shares.Columns, threads);
        }, BlockRows);
        return mixed;
    }

    /// <summary>Features of patients, spots or any mixtures of cells: sums over cells of share times features.</summary>
    /// <param name="cells">Features of the cells, N x F.</param>
    /// <param name="shares">Shares, N x S; every column sums to one.</param>
    /// <param name="threads">Threads, 0 for all cores; the sums do not depend on it.</param>
    /// <returns>S x F.</returns>
    public double[] OfMixtures(double[] cells, RowStore shares, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(shares);
        var mixed = new double[shares.Columns * Features];
        shares.ForEachBlock((first, count, block) => Add(cells, first, count, block, mixed, shares.Columns, threads));
        return mixed;
    }

    private void Add(double[] cells, int first, int count, ReadOnlyMemory<float> shares, double[] mixed, int s, int threads)
    {
        int f = Features;
        Blocks.Ranges(s, threads, (from, to) =>
        {
            ReadOnlySpan<float> p = shares.Span;
            for (int c = 0; c < count; c++)
                for (int i = from; i < to; i++)
                    if (p[c * s + i] is var share and not 0) Blocks.AddScaled(share, cells.AsSpan((first + c) * f, f), mixed.AsSpan(i * f, f));
        });
    }

    private static double MedianDistance(float[] states, int latent)
    {
        const int most = 400;
        int n = states.Length / latent, step = Math.Max(1, n / most);
        var distances = new List<double>();
        double[] row = new double[latent];
        for (int i = 0; i < n; i += step)
        {
            for (int d = 0; d < latent; d++) row[d] = states[i * latent + d];
            for (int j = 0; j < i; j += step) distances.Add(Math.Sqrt(StateClusters.SquaredDistance(states.AsSpan(j * latent, latent), row)));
        }
        return distances.Count == 0 ? 1 : ScSurvResults.Median([.. distances]);
    }
}
