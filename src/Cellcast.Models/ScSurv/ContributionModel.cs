using Cellcast.Analysis;
using Cellcast.AnnData;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// The hazard of scSurv's default method: contributions that are smooth over types, latent states and expression programs, with intervals; and shares that know the programs.
/// Everything that is needed for new patients and new cells is here.
/// </summary>
public sealed class ContributionModel
{
    private const int Neighbours = 5, VotingCells = 15;
    private const double Usual = 0.99, Margin = 1.5;

    internal ContributionModel(ContributionParts parts) => Parts = parts;

    /// <summary>Names of the types; of clusters of latent states when no types were given.</summary>
    public IReadOnlyList<string> Types => Parts.TypeNames;

    /// <summary>Type of each cell of the reference, -1 for none.</summary>
    public int[] TypeOf => Parts.TypeOf;

    /// <summary>The expression programs along which patients differ.</summary>
    public ExpressionPrograms Programs => Parts.Programs;

    /// <summary>Scores of the reference's cells.</summary>
    public ProgramScores Scores => Parts.Scores;

    /// <summary>What contributions may depend on.</summary>
    public ContributionBasis Basis => Parts.Basis;

    /// <summary>The fitted contributions.</summary>
    public ContributionFit Fit => Parts.Fit;

    /// <summary>Features of the reference's cells, N x F.</summary>
    public CellFeatures CellFeatures => Basis.OfCells(Parts.States, TypeOf, Scores);

    /// <summary>Features of the patients that were learned from, S x F: all that a refit on other samples of them needs
    /// (<see cref="ContributionFit.Fit"/> with <see cref="ContributionFit.Strengths"/>).</summary>
    public double[] PatientFeatures => Parts.PatientFeatures;

    /// <summary>Distance and misfit above which a patient is unlike those learned from.</summary>
    public (double Distance, double Misfit) Limits => (Parts.DistanceLimit, Parts.MisfitLimit);

    internal ContributionParts Parts { get; }

    /// <summary>Learns programs, shares and contributions of a deconvolved cohort.</summary>
    /// <param name="states">Latent states of the cells (posterior means), N x z.</param>
    /// <param name="cells">The reference.</param>
    /// <param name="labels">Type of each cell, or null to use clusters of the latent states.</param>
    /// <param name="genes">Scale, offset and dispersion of the genes in the cohort.</param>
    /// <param name="patients">The cohort's counts.</param>
    /// <param name="shares">Shares of the cells, N x S; tilted in place.</param>
    /// <param name="learn">Patients that may be learned from.</param>
    /// <param name="outcome">Their outcome, in that order.</param>
    /// <param name="options">Covariates and the like of the fit; null for the defaults.</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Interrupts between steps.</param>
    public static ContributionModel Learn(float[] states, ReferenceCells cells, CategoricalColumn? labels, GeneParameters genes, Mixtures patients, RowStore shares, int[] learn, ILikelihood outcome,
        ContributionOptions? options, RandomKey key, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(genes);
        ArgumentNullException.ThrowIfNull(patients);
        ArgumentNullException.ThrowIfNull(shares);
        ArgumentNullException.ThrowIfNull(learn);
        int n = cells.Names.Count, z = states.Length / n;
        int[] typeOf = labels is not null ? labels.Codes : StateClusters.Choose(states, z, key.Split("clusters"), threads);
        string[] names = labels is not null ? labels.Categories : [.. Enumerable.Range(1, typeOf.Max() + 1).Select(t => $"cluster {t}")];
        ExpressionPrograms programs = ExpressionPrograms.Find(cells, typeOf, names.Length, key.Split("programs"), threads);
        ProgramScores scores = programs.Score(cells.Counts, cells.Size, cells.SampleOf, typeOf, threads);
        cancellation.ThrowIfCancellationRequested();
        var (groupOf, groups) = TypeShareCorrection.Groups(typeOf, names.Length);
        double[] found = TypeShares(shares, groupOf, groups);
        double[] means = ProgramShares.ProfilesOf(cells, groupOf, groups);
        // Clusters are what their cells are: rates of their own would let a state of some patients pass for one.
        double[] errors = labels is null ? [] : ProfileErrors.VarianceOf(cells, groupOf, groups);
        GeneResponse response = GeneResponse.Of(genes);
        double[] corrected = [], typeShares = [], rates = [];
        TypeShareCorrection Correct(double[]? unexplained)
        {
            var learned = TypeShareCorrection.Learn(means, errors, patients, found, learn, unexplained, threads, cancellation);
            corrected = learned.Apply(patients, found, null, threads);
            typeShares = [.. Enumerable.Range(0, patients.Count).SelectMany(s => corrected[(s * groups)..(s * groups + names.Length)])];
            rates = learned.Profiles[..(names.Length * cells.Counts.Columns)];
            cancellation.ThrowIfCancellationRequested();
            return learned;
        }
        ProgramShares Mixed() => ProgramShares.Learn(programs, cells, typeOf, names.Length, scores, rates, response, patients, typeShares, learn, key.Split("background"), threads);
        TypeShareCorrection correction = Correct(null);
        ProgramShares mixed = Mixed();
        if (errors.Length > 0 && mixed.Backgrounds > 0)
        {
            // What is missing from the reference went into the rates of the types: once more with a place of its own.
            correction = Correct(mixed.BackgroundScores(patients, typeShares, null, threads));
            mixed = Mixed();
        }
        TypeShareCorrection.Rescale(shares, groupOf, found, corrected, threads);
        var axes = mixed.Axes();
        programs = programs.Rotate([.. axes.Select(a => (a.Type, a.Weights))]);
        scores = programs.Score(cells.Counts, cells.Size, cells.SampleOf, typeOf, threads);
        mixed = Mixed();
        mixed.Tilt(shares, typeOf, scores, mixed.Means(patients, typeShares, null, threads), threads);

        cancellation.ThrowIfCancellationRequested();
        double[] deviation = [.. Enumerable.Range(0, programs.Count).Select(k => Math.Sqrt(mixed.Covariance[k * programs.Count + k]))];
        var basis = ContributionBasis.Build(states, z, names.Length, deviation, programs.TypeOf, mixed.Backgrounds, key.Split("inducing"), threads);
        double[] all = basis.OfMixtures(states, typeOf, scores, shares, threads);
        if (basis.Unexplained > 0) AddUnexplained(all, basis, mixed, patients, typeShares, null, threads);
        double[] features = [.. learn.SelectMany(s => all[(s * basis.Features)..((s + 1) * basis.Features)])];
        cancellation.ThrowIfCancellationRequested();
        var fit = ContributionFit.Fit(outcome, features, basis.Components, options);

        double[] distance = Distances(features, features, basis.Features, leaveOut: true), misfit = [.. learn.Select(s => mixed.Misfit(patients, typeShares, s, null))];
        return new ContributionModel(new ContributionParts(names, typeOf, states, programs, scores, mixed, basis, fit, features, Margin * Quantile(distance, Usual), Margin * Quantile(misfit, Usual)) { Correction = correction });
    }

    /// <summary>The same cells, programs and shares with another fit of the contributions.</summary>
    /// <param name="fit">The fit.</param>
    /// <param name="patients">Features of the patients that it was learned from; null for the same ones.</param>
    internal ContributionModel With(ContributionFit fit, double[]? patients = null) => new(Parts with { Fit = fit, PatientFeatures = patients ?? Parts.PatientFeatures, PatientVariance = patients is null ? Parts.PatientVariance : [] });

    /// <summary>Shares that know the programs, for new patients (or spots, with their own response).</summary>
    /// <param name="mixtures">Counts on all genes of the model.</param>
    /// <param name="shares">Shares of the cells, N x S; tilted in place.</param>
    /// <param name="present">Genes that the counts have, or null for all.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    /// <returns>Misfit of each patient: mean over genes of squared residual over expected variance.</returns>
    public double[] Refine(Mixtures mixtures, RowStore shares, int[]? present, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(mixtures);
        ArgumentNullException.ThrowIfNull(shares);
        if (Parts.Correction is { } correction)
        {
            var (groupOf, groups) = TypeShareCorrection.Groups(TypeOf, Types.Count);
            double[] found = TypeShares(shares, groupOf, groups);
            TypeShareCorrection.Rescale(shares, groupOf, found, correction.Apply(mixtures, found, present, threads), threads);
        }
        double[] typeShares = TypeShares(shares, TypeOf, Types.Count);
        ProgramShares mixed = Parts.Shares;
        mixed.Tilt(shares, TypeOf, Scores, mixed.Means(mixtures, typeShares, present, threads), threads);
        var misfit = new double[mixtures.Count];
        Blocks.For(misfit.Length, threads, s => misfit[s] = mixed.Misfit(mixtures, typeShares, s, present));
        return misfit;
    }

    /// <summary>Tilts the shares of spots, whose genes respond in their own way.</summary>
    /// <param name="cells">The reference.</param>
    /// <param name="genes">Scale, offset and dispersion of the genes in the spots.</param>
    /// <param name="spots">Counts.</param>
    /// <param name="shares">Shares, N x P; tilted in place.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    /// <returns>What the spots' counts say of types and programs, for <see cref="Spots"/>.</returns>
    internal ProgramShares RefineSpots(ReferenceCells cells, GeneParameters genes, Mixtures spots, RowStore shares, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(genes);
        ArgumentNullException.ThrowIfNull(spots);
        ArgumentNullException.ThrowIfNull(shares);
        int[] all = [.. Enumerable.Range(0, spots.Count)];
        if (Parts.Correction is { } patients)
        {
            // The spots' genes have efficiencies of their own; the profiles are those of the patients.
            var (groupOf, groups) = TypeShareCorrection.Groups(TypeOf, Types.Count);
            double[] found = TypeShares(shares, groupOf, groups);
            TypeShareCorrection.Rescale(shares, groupOf, found, TypeShareCorrection.Learn(patients.Profiles, [], spots, found, all, null, threads).Apply(spots, found, null, threads), threads);
        }
        double[] typeShares = TypeShares(shares, TypeOf, Types.Count);
        ProgramShares mixed = ProgramShares.Learn(Programs, cells, TypeOf, Types.Count, Scores, Parts.Shares.Profiles, GeneResponse.Of(genes), spots, typeShares, all, null, threads);
        mixed.Tilt(shares, TypeOf, Scores, mixed.Means(spots, typeShares, null, threads), threads);
        return mixed;
    }

    /// <summary>Predictors of spots relative to the average spot of the section, with what patients and the spots' own counts leave open: a spot of few counts is known less well.</summary>
    /// <param name="shares">Refined shares, N x P.</param>
    /// <param name="spots">Counts.</param>
    /// <param name="mixed">What <see cref="RefineSpots"/> gave.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    internal ContributionValues Spots(RowStore shares, Mixtures spots, ProgramShares mixed, int threads = 0)
    {
        double[] features = FeaturesOf(shares, null, null, threads);
        int f = Basis.Features, n = spots.Count;
        // A difference of two spots does not depend on the average patient, nor does its error.
        var shift = new double[f];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < f; j++) shift[j] += features[i * f + j] / n;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < f; j++) features[i * f + j] += Fit.Center[j] - shift[j];
        return Fit.Of(features, threads).Widened(VarianceOf(mixed, shares, spots, null, threads));
    }

    /// <summary>Contributions of the reference's cells, relative to the average cell of the average patient. Their intervals hold what patients leave open and what the cell's
    /// own counts leave open about its programs.</summary>
    public ContributionValues Cells() => WithNoise(OfCells(Parts.States, TypeOf, Scores), TypeOf);

    /// <summary>Linear predictors of patients (or spots), relative to the average patient.</summary>
    /// <param name="shares">Refined shares, N x S.</param>
    /// <param name="mixtures">The patients' counts, which say what no cell explains; null for what their cells alone bring.</param>
    /// <param name="present">Genes that the counts have, or null for all.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    public ContributionValues Patients(RowStore shares, Mixtures? mixtures, int[]? present = null, int threads = 0) => Fit.Of(FeaturesOf(shares, mixtures, present, threads));

    /// <summary>Features of patients (or spots): sums over the reference's cells of share times features, and what no cell explains.</summary>
    /// <param name="shares">Refined shares, N x S.</param>
    /// <param name="mixtures">The patients' counts, which say what no cell explains; null for zeros.</param>
    /// <param name="present">Genes that the counts have, or null for all.</param>
    /// <param name="threads">Threads, 0 for all cores; the sums do not depend on it.</param>
    /// <returns>S x F.</returns>
    public double[] FeaturesOf(RowStore shares, Mixtures? mixtures, int[]? present = null, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(shares);
        double[] features = Basis.OfMixtures(Parts.States, TypeOf, Scores, shares, threads);
        if (mixtures is not null && Basis.Unexplained > 0) AddUnexplained(features, Basis, Parts.Shares, mixtures, TypeShares(shares, TypeOf, Types.Count), present, threads);
        return features;
    }

    private static void AddUnexplained(double[] features, ContributionBasis basis, ProgramShares mixed, Mixtures mixtures, double[] typeShares, int[]? present, int threads)
    {
        int q = basis.Unexplained, f = basis.Features;
        double[] scores = mixed.BackgroundScores(mixtures, typeShares, present, threads), deviation = mixed.BackgroundDeviation();
        for (int s = 0; s < mixtures.Count; s++)
            for (int k = 0; k < q; k++) features[s * f + f - q + k] = scores[s * q + k] * deviation[k];
    }

    /// <summary>The part of <see cref="Patients"/> that is no cell's.</summary>
    /// <param name="features">Features of the patients (<see cref="FeaturesOf"/>), S x F.</param>
    /// <returns>S; empty where nothing is unexplained.</returns>
    public double[] UnexplainedPart(double[] features)
    {
        ArgumentNullException.ThrowIfNull(features);
        int q = Basis.Unexplained, f = Basis.Features;
        if (q == 0) return [];
        return [.. Enumerable.Range(0, features.Length / f).Select(s => Blocks.Dot(features.AsSpan((s + 1) * f - q, q), Fit.Coefficients.AsSpan(f - q)))];
    }

    /// <summary>What patients differ in and no cell of the reference explains, the largest first; empty where nothing stands out from chance.</summary>
    public UnexplainedExpression Unexplained => Parts.Shares.Unexplained(PatientFeatures, Basis.Features);

    /// <summary>Variance of the linear predictors of patients that their shares leave open: shares of types and mean states are read from counts, with errors (delta method). To be
    /// added to the variance of <see cref="Patients"/>, for which shares count as known.</summary>
    /// <param name="shares">Shares, N x S.</param>
    /// <param name="mixtures">The patients' counts.</param>
    /// <param name="present">Genes that the counts have, or null for all.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public double[] SharesVariance(RowStore shares, Mixtures mixtures, int[]? present = null, int threads = 0) => VarianceOf(Parts.Shares, shares, mixtures, present, threads);

    private double[] VarianceOf(ProgramShares mixed, RowStore shares, Mixtures mixtures, int[]? present, int threads)
    {
        ArgumentNullException.ThrowIfNull(shares);
        ArgumentNullException.ThrowIfNull(mixtures);
        int t = Types.Count, unexplained = Basis.Unexplained, u = t + mixed.Backgrounds, d = u + Programs.Count, f = Basis.Features, firstProgram = Basis.FirstProgram;
        double[] typeShares = TypeShares(shares, TypeOf, t), typical = CellFeatures.Means(TypeOf, t), variance = new double[mixtures.Count], unit = mixed.BackgroundDeviation();
        Blocks.For(mixtures.Count, threads, s =>
        {
            // How the patient's features answer to what is uncertain: a type's share by the features of its average cell, a mean score and what is unexplained by their own feature.
            var slopes = new double[d * f];
            typical.CopyTo(slopes, 0);
            for (int k = 0; k < Programs.Count; k++) slopes[(u + k) * f + firstProgram + k] = typeShares[s * t + Programs.TypeOf[k]] * Basis.ProgramDeviation[k];
            for (int q = 0; q < mixed.Backgrounds; q++) slopes[(t + q) * f + f - unexplained + q] = unit[q];
            for (int i = 0; i < t; i++)
                for (int j = 0; j < f - unexplained; j++) slopes[i * f + j] -= Fit.Center[j];
            double[] open = mixed.Uncertainty(mixtures, typeShares, s, present), effect = new double[d], row = new double[f];
            for (int i = 0; i < d; i++) effect[i] = Blocks.Dot(slopes.AsSpan(i * f, f), Fit.Coefficients);
            double sum = 0;
            for (int i = 0; i < d; i++)
            {
                Array.Clear(row);
                for (int l = 0; l < d; l++)
                {
                    sum += effect[i] * open[i * d + l] * effect[l];
                    Blocks.AddScaled(open[i * d + l], slopes.AsSpan(l * f, f), row);
                }
                // What coefficients and shares leave open together.
                for (int j = 0; j < f; j++)
                    if (slopes[i * f + j] != 0) sum += slopes[i * f + j] * Blocks.Dot(Fit.Covariance.AsSpan(j * f, f), row);
            }
            variance[s] = Math.Max(0, sum);
        });
        return variance;
    }

    /// <summary>What the shares of the patients that were learned from leave open of their linear predictors, S; empty when it is not known.</summary>
    public double[] PatientVariance => Parts.PatientVariance;

    /// <summary>The same with <see cref="PatientVariance"/>.</summary>
    internal ContributionModel WithPatientVariance(double[] variance) => new(Parts with { PatientVariance = variance });

    /// <summary>Mean contribution of the cells of each type of any grouping.</summary>
    /// <param name="codes">Group of each cell of the reference, -1 for none.</param>
    /// <param name="groups">Number of groups.</param>
    public ContributionValues Means(int[] codes, int groups)
    {
        ArgumentNullException.ThrowIfNull(codes);
        return Fit.Of(CellFeatures.Means(codes, groups));
    }

    /// <summary>How far patients lie from those learned from: distance of their features to the fifth nearest of them.</summary>
    /// <param name="shares">Refined shares, N x S.</param>
    /// <param name="mixtures">The patients' counts.</param>
    /// <param name="present">Genes that the counts have, or null for all.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    public double[] DistanceOf(RowStore shares, Mixtures mixtures, int[]? present = null, int threads = 0) =>
        Distances(FeaturesOf(shares, mixtures, present, threads), PatientFeatures, Basis.Features, leaveOut: false);

    /// <summary>Contributions of cells that are not in the reference.</summary>
    /// <param name="states">Latent states (posterior means), n x z.</param>
    /// <param name="counts">Raw counts on the genes of the model, n x G.</param>
    /// <param name="size">Mean count per gene of each cell.</param>
    /// <param name="sampleOf">Sample of each cell among those of the reference, -1 for others.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    /// <returns>Contributions; the type that the nearest cells of the reference vote for; and the distance to the nearest cell in units of what is usual within the reference
    /// (99 % of its cells lie below 1).</returns>
    public (ContributionValues Contribution, int[] TypeOf, double[] Distance) NewCells(float[] states, Matrix counts, float[] size, int[] sampleOf, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(counts);
        int n = counts.Rows, z = Basis.Latent, reference = TypeOf.Length;
        var types = new int[n];
        var distance = new double[n];
        int step = Math.Max(1, reference / 1000);
        double[] usual = new double[(reference + step - 1) / step];
        Blocks.For(usual.Length, threads, i => usual[i] = Nearest(Parts.States.AsSpan(i * step * z, z), i * step, 1)[0].Distance);
        double unit = Math.Max(1e-12, Quantile(usual, Usual));
        Blocks.For(n, threads, c =>
        {
            var near = Nearest(states.AsSpan(c * z, z), -1, VotingCells);
            distance[c] = near[0].Distance / unit;
            types[c] = near.Where(v => TypeOf[v.Cell] >= 0).GroupBy(v => TypeOf[v.Cell]).OrderByDescending(g => g.Count()).ThenBy(g => g.Key).FirstOrDefault()?.Key ?? -1;
        });
        ProgramScores scores = Programs.Score(counts, size, sampleOf, types, threads);
        return (WithNoise(OfCells(states, types, scores, threads), types), types, distance);
    }

    private ContributionValues OfCells(float[] states, int[] types, ProgramScores scores, int threads = 0)
    {
        double[] mean = new double[types.Length], deviation = new double[types.Length];
        Basis.OfCells(states, types, scores).ForEachBlock((first, count, features) =>
        {
            ContributionValues part = Fit.Of(features.AsMemory(0, count * Basis.Features), threads);
            part.Mean.CopyTo(mean, first);
            part.StandardDeviation.CopyTo(deviation, first);
        }, threads);
        return new ContributionValues(mean, deviation);
    }

    private ContributionValues WithNoise(ContributionValues values, int[] typeOf)
    {
        var variance = new double[Types.Count];
        int first = Basis.FirstProgram;
        for (int k = 0; k < Programs.Count; k++)
        {
            double slope = Fit.Coefficients[first + k] * Basis.ProgramDeviation[k];
            variance[Programs.TypeOf[k]] += slope * slope * Programs.Noise[k];
        }
        return new ContributionValues(values.Mean, [.. values.StandardDeviation.Select((d, c) => typeOf[c] < 0 ? d : Math.Sqrt(d * d + variance[typeOf[c]]))]);
    }

    private List<(int Cell, double Distance)> Nearest(ReadOnlySpan<float> state, int except, int count)
    {
        int z = Basis.Latent;
        double[] at = new double[z];
        for (int d = 0; d < z; d++) at[d] = state[d];
        var near = new List<(int Cell, double Distance)>(count + 1);
        for (int c = 0; c < TypeOf.Length; c++)
        {
            if (c == except) continue;
            double d = StateClusters.SquaredDistance(Parts.States.AsSpan(c * z, z), at);
            if (near.Count == count && d >= near[^1].Distance) continue;
            int place = near.Count;
            while (place > 0 && near[place - 1].Distance > d) place--;
            near.Insert(place, (c, d));
            if (near.Count > count) near.RemoveAt(count);
        }
        return [.. near.Select(v => (v.Cell, Math.Sqrt(v.Distance)))];
    }

    private static double[] TypeShares(RowStore shares, int[] typeOf, int types)
    {
        int width = shares.Columns;
        var sum = new double[width * types];
        shares.ForEachBlock((first, count, block) =>
        {
            ReadOnlySpan<float> p = block.Span;
            for (int c = 0; c < count; c++)
                if (typeOf[first + c] is >= 0 and var t)
                    for (int s = 0; s < width; s++) sum[s * types + t] += p[c * width + s];
        });
        return sum;
    }

    private static double[] Distances(double[] of, double[] among, int f, bool leaveOut)
    {
        int n = of.Length / f, m = among.Length / f;
        var distance = new double[n];
        for (int i = 0; i < n; i++)
        {
            var squares = new List<double>(m);
            for (int j = 0; j < m; j++)
            {
                if (leaveOut && i == j) continue;
                double sum = 0;
                for (int k = 0; k < f; k++)
                {
                    double d = of[i * f + k] - among[j * f + k];
                    sum += d * d;
                }
                squares.Add(sum);
            }
            squares.Sort();
            distance[i] = squares.Count == 0 ? 0 : Math.Sqrt(squares[Math.Min(Neighbours, squares.Count) - 1]);
        }
        return distance;
    }

    private static double Quantile(double[] values, double q)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : sorted[(int)Math.Ceiling(q * (sorted.Length - 1))];
    }
}

/// <summary>All that a <see cref="ContributionModel"/> is made of, as it is kept in files.</summary>
internal sealed record ContributionParts(string[] TypeNames, int[] TypeOf, float[] States, ExpressionPrograms Programs, ProgramScores Scores, ProgramShares Shares, ContributionBasis Basis, ContributionFit Fit,
    double[] PatientFeatures, double DistanceLimit, double MisfitLimit)
{
    internal double[] PatientVariance { get; init; } = [];

    /// <summary>Null for models that were written before shares of types were corrected.</summary>
    internal TypeShareCorrection? Correction { get; init; }
}
