using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>Patients mixed from six types, two of which are much alike, by genes whose efficiency differs from the cells'.</summary>
public sealed class TypeShareCorrectionTests
{
    private const int Genes = 300, Types = 6, Patients = 60, Depth = 300;

    [Fact]
    public void Shares_that_confuse_types_are_put_right()
    {
        Study study = Make();
        // Three tenths of the second type are taken for the first, and everything is drawn towards the average.
        double[] found = [.. study.Truth];
        for (int s = 0; s < Patients; s++)
        {
            Span<double> own = found.AsSpan(s * Types, Types);
            double moved = 0.3 * own[1];
            (own[0], own[1]) = (own[0] + moved, own[1] - moved);
            for (int t = 0; t < Types; t++) own[t] = 0.5 * own[t] + 0.5 / Types;
        }
        double[] corrected = Correct(study, found);
        Assert.True(Error(corrected, study.Truth) < 0.4 * Error(found, study.Truth), $"{Error(found, study.Truth)}, {Error(corrected, study.Truth)}");
        for (int t = 0; t < Types; t++) Assert.True(Over(corrected, study.Truth, t) > 0.97, $"type {t}: {Over(corrected, study.Truth, t)}");
    }

    [Fact]
    public void Rows_keep_their_sum_nothing_is_negative_and_threads_change_no_bit()
    {
        Study study = Make();
        double[] found = [.. study.Truth.Select((v, i) => 0.9 * (i % Types == 3 ? 0 : v))], one = Correct(study, found, threads: 1), three = Correct(study, found, threads: 3);
        Assert.Equal(one, three);
        Assert.True(one.Min() >= 0);
        for (int s = 0; s < Patients; s++) Assert.Equal(found.AsSpan(s * Types, Types).ToArray().Sum(), one.AsSpan(s * Types, Types).ToArray().Sum(), 12);
        // A type that the networks saw nothing of is found all the same.
        Assert.True(Over(one, study.Truth, 3) > 0.95);
    }

    [Fact]
    public void A_patient_is_corrected_the_same_alone_and_with_half_of_the_genes_nearly_so()
    {
        Study study = Make();
        double[] found = [.. Enumerable.Repeat(1.0 / Types, Patients * Types)];
        TypeShareCorrection model = Learn(study, found, 1);
        double[] all = model.Apply(study.Mixtures, found, null, 1), alone = model.Apply(study.Mixtures.Select([7]), found[..Types], null, 1);
        Assert.Equal(all.AsSpan(7 * Types, Types).ToArray(), alone);
        int[] half = [.. Enumerable.Range(0, Genes).Where(g => g % 2 == 0)];
        float[] counts = [.. study.Mixtures.Counts.Select((v, i) => i % Genes % 2 == 0 ? v : float.NaN)];
        double[] some = model.Apply(study.Mixtures with { Counts = counts }, found, half, 1);
        for (int t = 0; t < Types; t++) Assert.True(Over(some, study.Truth, t) > 0.93, $"type {t}: {Over(some, study.Truth, t)}");
    }

    [Fact]
    public void Patients_put_right_the_rates_of_few_cells_and_shares_are_nearly_as_good_as_with_the_true_ones()
    {
        Study study = Make();
        var (profiles, variance) = FromFewCells(study.Profiles, _ => 40);
        int[] everybody = [.. Enumerable.Range(0, Patients)];
        double[] found = [.. study.Truth.Select(v => 0.5 * v + 0.5 / Types)];
        var blind = TypeShareCorrection.Learn(profiles, [], study.Mixtures, found, everybody, null, 1);
        var aware = TypeShareCorrection.Learn(profiles, variance, study.Mixtures, found, everybody, null, 1);
        double[] without = blind.Apply(study.Mixtures, found, null, 1), with = aware.Apply(study.Mixtures, found, null, 3);
        // With rates of few cells what one patient has more than another of a type of which a sibling exists is found in part.
        Assert.True(Slope(without, study.Truth, 0) < 0.88 && Slope(without, study.Truth, 1) < 0.88, $"{Slope(without, study.Truth, 0)}, {Slope(without, study.Truth, 1)}");
        // Nearly as good as with the true rates.
        double[] known = Correct(study, found);
        for (int t = 0; t < Types; t++) Assert.InRange(Slope(with, study.Truth, t), 0.88, 1.08);
        Assert.True(Error(with, study.Truth) < 1.2 * Error(known, study.Truth) && Error(with, study.Truth) < 0.9 * Error(without, study.Truth), $"{Error(without, study.Truth)}, {Error(with, study.Truth)}, {Error(known, study.Truth)}");
        Assert.True(Apart(aware, study) < 0.65 * Apart(blind, study), $"{Apart(blind, study)}, {Apart(aware, study)}");
        Assert.Equal(with, TypeShareCorrection.Learn(profiles, variance, study.Mixtures, found, everybody, null, 3).Apply(study.Mixtures, found, null, 1));
    }

    [Fact]
    public void Genes_of_a_type_that_all_seem_efficient_mean_that_there_is_more_of_it_and_chance_means_nothing()
    {
        Study study = Make();
        var random = new RandomStream(RandomKey.From(8, "anchor"));
        double[] truth = [.1, .1, .4, .2, .1, .1];
        double[] observed = [.. Enumerable.Range(0, Genes).Select(g => Math.Exp(0.4 * random.NextNormal()) * Enumerable.Range(0, Types).Sum(t => truth[t] * study.Profiles[t * Genes + g]))];
        Assert.Empty(TypeShareCorrection.Anchor(observed, truth, study.Profiles));
        // The third type is taken for a tenth of what it is, .06 of all; most of it comes back.
        double[] wrong = [.. truth.Select((v, t) => t == 2 ? v / 10 : v)], log = TypeShareCorrection.Anchor(observed, wrong, study.Profiles);
        double[] right = [.. wrong.Select((v, t) => v * Math.Exp(log[t]))];
        Assert.InRange(right[2] / right.Sum(), 0.25, 0.45);
        // Two types that are one, and efficiencies that are all the same.
        double[] same = [.. study.Profiles[..Genes], .. study.Profiles[..Genes]];
        Assert.Empty(TypeShareCorrection.Anchor(study.Profiles[..Genes], [.5, .5], same));
    }

    [Fact]
    public void One_type_with_hardly_a_cell_spoils_nothing()
    {
        Study study = Make();
        var (profiles, variance) = FromFewCells(study.Profiles, t => t == 4 ? 1 : 200);
        double[] found = [.. Enumerable.Repeat(1.0 / Types, Patients * Types)];
        double[] corrected = TypeShareCorrection.Learn(profiles, variance, study.Mixtures, found, [.. Enumerable.Range(0, Patients)], null, 1).Apply(study.Mixtures, found, null, 1);
        for (int t = 0; t < Types; t++) Assert.True(Over(corrected, study.Truth, t) > 0.95, $"type {t}: {Over(corrected, study.Truth, t)}");
    }

    [Fact]
    public void New_patients_are_read_as_well_as_those_that_were_learned_from()
    {
        Study study = Make();
        var (profiles, variance) = FromFewCells(study.Profiles, _ => 20);
        double[] found = [.. Enumerable.Repeat(1.0 / Types, Patients * Types)];
        int half = Patients / 2;
        double[] all = TypeShareCorrection.Learn(profiles, variance, study.Mixtures, found, [.. Enumerable.Range(0, half)], null, 1).Apply(study.Mixtures, found, null, 1);
        double learned = Error(all[..(half * Types)], study.Truth[..(half * Types)]), unseen = Error(all[(half * Types)..], study.Truth[(half * Types)..]);
        Assert.InRange(unseen / learned, 0.7, 1.4);
    }

    [Fact]
    public void Patients_mixed_from_the_very_cells_of_the_reference_lose_nothing()
    {
        Study study = Make();
        var (_, variance) = FromFewCells(study.Profiles, _ => 40);
        double[] found = [.. Enumerable.Repeat(1.0 / Types, Patients * Types)];
        double[] corrected = TypeShareCorrection.Learn(study.Profiles, variance, study.Mixtures, found, [.. Enumerable.Range(0, Patients)], null, 1).Apply(study.Mixtures, found, null, 1);
        Assert.True(Error(corrected, study.Truth) < 1.1 * Error(Correct(study, found), study.Truth), $"{Error(corrected, study.Truth)}, {Error(Correct(study, found), study.Truth)}");
    }

    [Fact]
    public void A_patient_without_counts_keeps_what_the_networks_found()
    {
        Study study = Make();
        double[] found = [.1, .2, .3, .4, 0, 0];
        var empty = new Mixtures(["nobody"], new float[Genes], [0]);
        Assert.Equal(found, Learn(study, study.Truth, 1).Apply(empty, found, null, 1));
    }

    [Fact]
    public void The_variance_of_a_profile_is_that_of_profiles_from_other_cells()
    {
        // Cells of one type with overdispersed counts, in many references: the variance that each states is the one between them.
        const int references = 400, cells = 25, genes = 3;
        double[] rate = [0.5, 4, 20];
        double[] stated = new double[genes], sum = new double[genes], square = new double[genes];
        for (int k = 0; k < references; k++)
        {
            var random = new RandomStream(RandomKey.From(k, "profiles"));
            var counts = new float[cells * (genes + 1)];
            for (int c = 0; c < cells; c++)
            {
                double depth = Math.Exp(0.3 * random.NextNormal());
                for (int g = 0; g < genes; g++) counts[c * (genes + 1) + g] = random.NextPoisson(depth * rate[g] * Math.Exp(0.5 * random.NextNormal()));
                counts[c * (genes + 1) + genes] = (float)Math.Round(1000 * depth);
            }
            var x = SparseMatrix.FromDense(cells, genes + 1, counts);
            var reference = new ReferenceCells([.. Enumerable.Range(0, cells).Select(c => $"cell{c}")], x, new int[cells], ["all"]);
            double[] profile = ProgramShares.ProfilesOf(reference, new int[cells], 1), variance = ProfileErrors.VarianceOf(reference, new int[cells], 1);
            for (int g = 0; g < genes; g++) (stated[g], sum[g], square[g]) = (stated[g] + variance[g] / references, sum[g] + profile[g] / references, square[g] + profile[g] * profile[g] / references);
        }
        for (int g = 0; g < genes; g++) Assert.InRange(stated[g] / (square[g] - sum[g] * sum[g]), 0.75, 1.3);
    }

    [Fact]
    public void Cells_get_their_types_correction_in_proportion()
    {
        float[] shares = [.1f, 0, .3f, 0, .6f, 1];
        var store = new RowStore(3, 2, shares);
        TypeShareCorrection.Rescale(store, [0, 0, 1], [.4, .6, 0, 1], [.2, .8, .5, .5], 1);
        float[] expected = [.05f, .25f, .15f, .25f, .8f, .5f], after = store.ToArray();
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], after[i], 6);
    }

    private static TypeShareCorrection Learn(Study study, double[] found, int threads) => TypeShareCorrection.Learn(study.Profiles, [], study.Mixtures, found, [.. Enumerable.Range(0, Patients)], null, threads);

    private static double[] Correct(Study study, double[] found, int threads = 1) => Learn(study, found, threads).Apply(study.Mixtures, found, null, threads);

    private static double Error(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Average());

    /// <summary>Rates from so many counts per gene.</summary>
    private static (double[] Profiles, double[] Variance) FromFewCells(double[] exact, Func<int, double> counts)
    {
        var random = new RandomStream(RandomKey.From(11, "few cells"));
        double[] profiles = [.. exact.Select((m, i) => random.NextPoisson(m * counts(i / Genes)) / counts(i / Genes))];
        return (profiles, [.. profiles.Select((m, i) => (m + 0.5 / counts(i / Genes)) / counts(i / Genes))]);
    }

    /// <summary>How far the rates are from the true ones, in proportion to all types' mean rate of the gene.</summary>
    private static double Apart(TypeShareCorrection model, Study study)
    {
        double sum = 0;
        for (int g = 0; g < Genes; g++)
        {
            double found = Enumerable.Range(0, Types).Average(t => model.Profiles[t * Genes + g]), exact = Enumerable.Range(0, Types).Average(t => study.Profiles[t * Genes + g]);
            for (int t = 0; t < Types; t++) sum += Math.Abs(model.Profiles[t * Genes + g] / found - study.Profiles[t * Genes + g] / exact);
        }
        return sum / Genes / Types;
    }

    private static double Slope(double[] found, double[] truth, int type)
    {
        double[] x = [.. Enumerable.Range(0, Patients).Select(s => truth[s * Types + type])], y = [.. Enumerable.Range(0, Patients).Select(s => found[s * Types + type])];
        double center = x.Average();
        return x.Zip(y, (a, b) => (a - center) * b).Sum() / x.Sum(a => (a - center) * (a - center));
    }

    private static double Over(double[] a, double[] b, int type) =>
        Correlation.Pearson([.. Enumerable.Range(0, Patients).Select(s => a[s * Types + type])], [.. Enumerable.Range(0, Patients).Select(s => b[s * Types + type])]).Coefficient;

    private static Study Make()
    {
        var random = new RandomStream(RandomKey.From(3, "type shares"));
        double[] profiles = new double[Types * Genes], truth = new double[Patients * Types], efficiency = [.. Enumerable.Range(0, Genes).Select(_ => Math.Exp(0.5 * random.NextNormal()))];
        for (int g = 0; g < Genes; g++)
            for (int t = 0; t < Types; t++)
                profiles[t * Genes + g] = t == 1 ? profiles[g] * Math.Exp(0.4 * random.NextNormal()) : Math.Exp(random.NextNormal());
        for (int t = 0; t < Types; t++)
        {
            double mean = Enumerable.Range(0, Genes).Average(g => profiles[t * Genes + g]);
            for (int g = 0; g < Genes; g++) profiles[t * Genes + g] /= mean;
        }
        var counts = new float[Patients * Genes];
        for (int s = 0; s < Patients; s++)
        {
            double total = 0;
            for (int t = 0; t < Types; t++) total += truth[s * Types + t] = random.NextExponential();
            for (int t = 0; t < Types; t++) truth[s * Types + t] /= total;
            for (int g = 0; g < Genes; g++)
                counts[s * Genes + g] = random.NextPoisson(Depth * efficiency[g] * Enumerable.Range(0, Types).Sum(t => truth[s * Types + t] * profiles[t * Genes + g]) * Math.Exp(0.1 * random.NextNormal()));
        }
        return new Study(profiles, truth, Mixtures.From([.. Enumerable.Range(0, Patients).Select(i => $"patient{i}")], SparseMatrix.FromDense(Patients, Genes, counts)));
    }

    private sealed record Study(double[] Profiles, double[] Truth, Mixtures Mixtures);
}
