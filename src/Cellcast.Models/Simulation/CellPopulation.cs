using Cellcast.Tensors.Random;

namespace Cellcast.Models.Simulation;

/// <summary>The cell types of a simulated tissue: related types share programmes of genes, some types have an inner gradient.</summary>
/// <remarks>A type's log profile is a common log-normal baseline, plus its family's programme (15 % of the genes), plus its own (5 %), plus marker
/// genes that it expresses strongly. In a gradient type a further 5 % of the genes follow the state with log-linear slopes.</remarks>
internal sealed class CellPopulation : IMixtureSource
{
    private readonly double[][] _profile;
    private readonly int[][] _gradientGenes;
    private readonly double[][] _gradientSlopes;
    private readonly double[][][] _stateProfiles;

    internal CellPopulation(SimulationParameters parameters, RandomKey key)
    {
        int genes = parameters.Genes, types = parameters.Types;
        Genes = [.. Enumerable.Range(0, genes).Select(g => $"G{g:00000}")];
        var layout = new RandomStream(key.Split("layout"));
        Family = [.. Enumerable.Range(0, types).Select(k => k < parameters.Families ? k : layout.NextInt32(parameters.Families))];
        Types = [.. Family.Select((f, k) => $"T{f}_{k:00}")];
        Families = [.. Enumerable.Range(0, parameters.Families).Select(f => $"T{f}")];
        HasGradient = Choose(layout, types, parameters.GradientTypes);
        Abundance = new double[types];
        var concentrations = new double[types];
        Array.Fill(concentrations, 4.0);
        layout.Dirichlet(concentrations, Abundance);

        double[] baseline = Normals(key.Split("baseline"), genes, 1.5);
        var familyProgram = Families.Select((_, f) => Programme(key.Split("family").Split(f), genes, 0.15, 1.0)).ToArray();
        _profile = new double[types][];
        _gradientGenes = new int[types][];
        _gradientSlopes = new double[types][];
        _stateProfiles = new double[types][][];
        for (int k = 0; k < types; k++)
        {
            var typeKey = key.Split("type").Split(k);
            double[] own = Programme(typeKey.Split("programme"), genes, 0.05, 1.2);
            bool[] marker = Choose(new RandomStream(typeKey.Split("markers")), genes, Math.Max(2, genes / 250));
            _profile[k] = new double[genes];
            for (int g = 0; g < genes; g++)
                _profile[k][g] = Math.Exp(baseline[g] + familyProgram[Family[k]][g] + own[g] + (marker[g] ? 2.5 : 0));
            Normalise(_profile[k]);
            double[] slope = HasGradient[k] ? Programme(typeKey.Split("gradient"), genes, 0.05, 2.5) : new double[genes];
            _gradientGenes[k] = [.. Enumerable.Range(0, genes).Where(g => slope[g] != 0)];
            _gradientSlopes[k] = [.. _gradientGenes[k].Select(g => slope[g])];
            if (HasGradient[k]) _stateProfiles[k] = StateProfiles(k);
        }
    }

    public string[] Types { get; }

    public string[] Genes { get; }

    public bool[] HasGradient { get; }

    internal string[] Families { get; }

    /// <summary>Family of every type.</summary>
    internal int[] Family { get; }

    /// <summary>Share of every type among the reference cells.</summary>
    internal double[] Abundance { get; }

    /// <summary>Expression of every gene at the state 1/2, before the gradient is applied; sums to one.</summary>
    internal ReadOnlySpan<double> Profile(int type) => _profile[type];

    /// <summary>Genes that follow the state of a type.</summary>
    internal ReadOnlySpan<int> GradientGenes(int type) => _gradientGenes[type];

    /// <summary>For each of <see cref="GradientGenes"/> the change of log expression from state 0 to 1.</summary>
    internal ReadOnlySpan<double> GradientSlopes(int type) => _gradientSlopes[type];

    public void AddProfile(int type, double tilt, double weight, Span<double> profile)
    {
        if (!HasGradient[type])
        {
            Add(_profile[type], weight, profile);
            return;
        }
        Span<double> weights = stackalloc double[InnerState.Points];
        InnerState.Weights(tilt, weights);
        for (int i = 0; i < InnerState.Points; i++) Add(_stateProfiles[type][i], weight * weights[i], profile);
    }

    public double MeanState(int type, double tilt) => InnerState.Mean(tilt);

    private double[][] StateProfiles(int type)
    {
        var profiles = new double[InnerState.Points][];
        for (int i = 0; i < profiles.Length; i++)
        {
            profiles[i] = [.. _profile[type]];
            for (int j = 0; j < _gradientGenes[type].Length; j++)
                profiles[i][_gradientGenes[type][j]] *= Math.Exp(_gradientSlopes[type][j] * (InnerState.At(i) - 0.5));
            Normalise(profiles[i]);
        }
        return profiles;
    }

    private static void Add(double[] from, double weight, Span<double> to)
    {
        for (int g = 0; g < to.Length; g++) to[g] += weight * from[g];
    }

    private static void Normalise(double[] profile)
    {
        double sum = profile.Sum();
        for (int g = 0; g < profile.Length; g++) profile[g] /= sum;
    }

    private static double[] Normals(RandomKey key, int count, double sd)
    {
        var random = new RandomStream(key);
        var values = new double[count];
        for (int i = 0; i < count; i++) values[i] = sd * random.NextNormal();
        return values;
    }

    /// <summary>Log fold changes of a random share of the genes; 0 elsewhere.</summary>
    private static double[] Programme(RandomKey key, int genes, double share, double sd)
    {
        var random = new RandomStream(key);
        bool[] chosen = Choose(random, genes, Math.Max(1, (int)(share * genes)));
        var values = new double[genes];
        for (int g = 0; g < genes; g++)
            if (chosen[g]) values[g] = sd * random.NextNormal();
        return values;
    }

    /// <summary>Marks <paramref name="count"/> of <paramref name="n"/> at random.</summary>
    internal static bool[] Choose(RandomStream random, int n, int count)
    {
        int[] order = [.. Enumerable.Range(0, n)];
        var chosen = new bool[n];
        for (int i = 0; i < count; i++)
        {
            int j = i + random.NextInt32(n - i);
            (order[i], order[j]) = (order[j], order[i]);
            chosen[order[i]] = true;
        }
        return chosen;
    }
}
