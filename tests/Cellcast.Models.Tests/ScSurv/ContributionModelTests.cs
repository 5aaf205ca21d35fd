using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>Two types, one of which has an inner state that the latent space does not know and that decides who dies.</summary>
public class ContributionModelTests
{
    private const int Genes = 200, Moving = 40, Patients = 160, CellsPerType = 150;

    [Fact]
    public void An_inner_state_outside_the_latent_space_is_found_in_the_cells_in_the_patients_and_in_the_hazard()
    {
        Study study = Make();
        float[] shares = study.Shares();
        ContributionModel model = study.Learn(shares, [.. Enumerable.Range(0, Patients)]);
        Assert.Equal([1], model.Programs.TypeOf);
        int[] own = [.. Enumerable.Range(0, 2 * CellsPerType).Where(c => study.TypeOf[c] == 1)];
        Assert.True(Math.Abs(Correlation([.. own.Select(c => model.Scores[c, 0])], [.. own.Select(c => study.State[c])])) > 0.9);
        double[] mean = [.. Enumerable.Range(0, Patients).Select(s => own.Sum(c => shares[c * Patients + s] * study.State[c]) / own.Sum(c => (double)shares[c * Patients + s]))];
        Assert.True(Correlation(mean, study.PatientState) > 0.9);
        ContributionValues cells = model.Cells();
        Assert.True(Correlation([.. own.Select(c => cells.Mean[c])], [.. own.Select(c => study.State[c])]) > 0.85);
        Assert.True(Correlation(model.Patients(new RowStore(2 * CellsPerType, Patients, shares), study.Mixtures).Mean, study.Eta) > 0.8);
    }

    [Fact]
    public void The_interval_of_a_spot_holds_the_truth_and_is_wider_where_there_are_fewer_counts()
    {
        Study study = Make();
        ContributionModel model = study.Learn(study.Shares(), [.. Enumerable.Range(0, Patients)]);
        var random = new RandomStream(RandomKey.From(2, "spots"));
        // The patients' mixtures as spots: with all counts, and with a two-hundredth of them, about as many as a spot of Visium has per gene of a patient.
        Mixtures thin = Mixtures.From(study.Mixtures.Names, SparseMatrix.FromDense(Patients, Genes, [.. study.Mixtures.Counts.Select(v => (float)random.NextPoisson(v / 200))]));
        ContributionValues deep = Spots(study.Mixtures), shallow = Spots(thin);
        double[] truth = [.. study.Eta.Select(e => e - study.Eta.Average())];
        Assert.True(Correlation(deep.Mean, truth) > 0.8);
        Assert.True(shallow.StandardDeviation.Average() > deep.StandardDeviation.Average() * 1.1);
        foreach (ContributionValues v in (ContributionValues[])[deep, shallow])
            Assert.InRange(Enumerable.Range(0, Patients).Count(i => v.Lower[i] <= truth[i] && truth[i] <= v.Upper[i]), 0.85 * Patients, Patients);

        ContributionValues Spots(Mixtures spots)
        {
            var shares = new RowStore(2 * CellsPerType, Patients, study.Shares());
            return model.Spots(shares, spots, model.RefineSpots(study.Cells, Study.Response(), spots, shares, 1), 1);
        }
    }

    [Fact]
    public void The_share_of_every_type_stays_near_what_it_was_where_that_was_right()
    {
        Study study = Make();
        float[] before = study.Shares(), after = study.Shares();
        study.Learn(after, [.. Enumerable.Range(0, Patients)]);
        Assert.NotEqual(before, after);
        double Share(float[] shares, int s) => Enumerable.Range(0, 2 * CellsPerType).Where(c => study.TypeOf[c] == 1).Sum(c => (double)shares[c * Patients + s]);
        // Shares are of RNA, of which cells of the two types have different amounts.
        double[] rna = [.. Enumerable.Range(0, 2).Select(t => Enumerable.Range(0, 2 * CellsPerType).Where(c => study.TypeOf[c] == t).Average(c => (double)study.Cells.Size[c]))];
        double[] off = [.. Enumerable.Range(0, Patients).Select(s => Math.Abs(Share(after, s) - Share(before, s) * rna[1] / ((1 - Share(before, s)) * rna[0] + Share(before, s) * rna[1])))];
        Assert.True(off.Average() < 0.01 && off.Max() < 0.03, $"{off.Average()}, {off.Max()}");
    }

    [Fact]
    public void Threads_change_no_bit_and_the_order_of_patients_no_more_than_rounding()
    {
        Study study = Make();
        int[] all = [.. Enumerable.Range(0, Patients)], order = new RandomStream(RandomKey.From(9, "order")).NextPermutation(Patients);
        double[] one = study.Learn(study.Shares(), all, threads: 1).Cells().Mean, three = study.Learn(study.Shares(), all, threads: 3).Cells().Mean, turned = study.Learn(study.Shares(), order).Cells().Mean;
        Assert.Equal(one, three);
        for (int c = 0; c < one.Length; c++) Assert.Equal(one[c], turned[c], 5);
    }

    [Fact]
    public void Patients_that_are_not_learned_from_leave_no_trace()
    {
        Study study = Make();
        int[] learn = [.. Enumerable.Range(0, 120)];
        double[] before = study.Learn(study.Shares(), learn).Cells().Mean;
        for (int s = 120; s < Patients; s++)
            for (int g = 0; g < Genes; g++) study.Mixtures.Counts[s * Genes + g] = 5 + g % 7;
        Assert.Equal(before, study.Learn(study.Shares(), learn).Cells().Mean);
    }

    [Fact]
    public void Cells_of_the_reference_given_as_new_ones_get_the_contributions_they_have()
    {
        Study study = Make();
        ContributionModel model = study.Learn(study.Shares(), [.. Enumerable.Range(0, Patients)]);
        var (values, types, distance) = model.NewCells(study.States, study.Cells.Counts, study.Cells.Size, study.Cells.SampleOf);
        Assert.Equal(study.TypeOf, types);
        Assert.All(distance, d => Assert.Equal(0, d));
        Assert.Equal(model.Cells().Mean, values.Mean);
        Assert.Equal(model.Cells().StandardDeviation, values.StandardDeviation);
    }

    [Fact]
    public void What_is_computed_block_by_block_has_the_bits_of_the_whole()
    {
        Study study = Make(cellsPerType: 1300); // more than two blocks of cells
        float[] shares = study.Shares();
        ContributionModel model = study.Learn(shares, [.. Enumerable.Range(0, Patients)]);
        int n = study.TypeOf.Length, f = model.Basis.Features;
        double[] whole = new double[n * f];
        model.Basis.OfCells(study.States, study.TypeOf, model.Scores, 0, n, whole);
        double[] asked = new double[n * f];
        model.CellFeatures.Read(0, n, asked);
        Assert.Equal(whole, asked);
        var store = new RowStore(n, Patients, shares);
        Assert.Equal(model.Basis.OfMixtures(whole, store), model.FeaturesOf(store, null));
        Assert.Equal(model.Fit.Of(whole).Mean, model.Cells().Mean);
        double[] mean = new double[f];
        for (int c = 0; c < n; c++)
            if (study.TypeOf[c] == 1) Analysis.Blocks.AddScaled(1.0 / (n / 2), whole.AsSpan(c * f, f), mean);
        Assert.Equal(model.Fit.Of(mean).StandardDeviation[0], model.Means(study.TypeOf, 2).StandardDeviation[1]);
    }

    [Fact]
    public void Scores_take_the_room_of_the_types_own_programs_and_are_zero_on_others()
    {
        var scores = new ProgramScores([0, 2, 2], [2, 0, -1, 1]);
        scores.Own(0)[1] = 3;
        scores.Own(1)[0] = 5;
        Assert.Equal(8, scores.Values.Length);
        Assert.Equal([0, 0, 3, 5, 0, 0, 0, 0, 0, 0, 0, 0], Enumerable.Range(0, 4).SelectMany(c => Enumerable.Range(0, 3).Select(k => scores[c, k])));
        Assert.True(scores.Own(2).IsEmpty && scores.Own(3).IsEmpty);
    }

    [Fact]
    public void What_counts_leave_open_of_the_shares_is_more_for_shallow_patients()
    {
        Study study = Make();
        float[] shares = study.Shares();
        ContributionModel model = study.Learn(shares, [.. Enumerable.Range(0, Patients)]);
        var store = new RowStore(study.TypeOf.Length, Patients, shares);
        double[] open = model.SharesVariance(store, study.Mixtures, threads: 1);
        Assert.Equal(open, model.SharesVariance(store, study.Mixtures, threads: 3));
        Assert.All(open, v => Assert.True(v > 0));
        // A hundredth of the counts says less of every patient.
        Mixtures shallow = study.Mixtures with { Counts = [.. study.Mixtures.Counts.Select(c => MathF.Round(c / 100))], Size = [.. study.Mixtures.Size.Select(v => v / 100)] };
        double[] more = model.SharesVariance(store, shallow);
        for (int s = 0; s < Patients; s++) Assert.True(more[s] > open[s], $"{s}: {more[s]} and {open[s]}");
        ContributionValues known = model.Patients(store, study.Mixtures), widened = known.Widened(open);
        Assert.Equal(known.Mean, widened.Mean);
        Assert.Equal(Math.Sqrt(known.StandardDeviation[3] * known.StandardDeviation[3] + open[3]), widened.StandardDeviation[3], 12);
    }

    [Fact]
    public void A_patient_of_another_kind_is_told_from_those_learned_from()
    {
        Study study = Make();
        float[] shares = study.Shares();
        ContributionModel model = study.Learn(shares, [.. Enumerable.Range(0, Patients)]);
        Mixtures strange = study.Mixtures.Select([0, 1]);
        for (int g = 0; g < Genes; g++) strange.Counts[g] = strange.Counts[(g * 37 + 11) % Genes];
        float[] two = [.. Enumerable.Range(0, 2 * CellsPerType).SelectMany(c => new[] { study.Shares()[c * Patients], study.Shares()[c * Patients + 1] })];
        double[] misfit = model.Refine(strange, new RowStore(2 * CellsPerType, 2, two), null);
        Assert.True(misfit[0] > model.Limits.Misfit, $"{misfit[0]} and {model.Limits.Misfit}");
        Assert.True(misfit[1] < model.Limits.Misfit, $"{misfit[1]} and {model.Limits.Misfit}");
    }

    [Fact]
    public void Without_labels_clusters_of_latent_states_take_their_place()
    {
        Study study = Make();
        ContributionModel model = study.Learn(study.Shares(), [.. Enumerable.Range(0, Patients)], labelled: false);
        // No cluster mixes the two types.
        foreach (var cluster in Enumerable.Range(0, 2 * CellsPerType).GroupBy(c => model.TypeOf[c])) Assert.Single(cluster.Select(c => study.TypeOf[c]).Distinct());
        Assert.True(Correlation(model.Cells().Mean, study.Truth) > 0.5, $"{Correlation(model.Cells().Mean, study.Truth)}");
    }

    public static TheoryData<int, string, bool> Alike => new() { { 20, "quiet", true }, { 47, "all", true }, { 50, "quiet", true }, { 77, "all", true }, { 77, "all", false }, { 150, "all", true } };

    [Theory, MemberData(nameof(Alike))]
    public void Cells_that_are_all_alike_have_no_program_and_what_differs_is_still_learned_from(int cellsPerType, string which, bool labelled)
    {
        Study study = Make(cellsPerType);
        int n = 2 * cellsPerType;
        float[] counts = ((SparseMatrix)study.Cells.Counts).ToDense(), states = [.. study.States];
        for (int c = 0; c < n; c++)
        {
            if (which == "quiet" && study.TypeOf[c] == 1) continue;
            counts.AsSpan(0, Genes).CopyTo(counts.AsSpan(c * Genes));
            states.AsSpan(0, 3).CopyTo(states.AsSpan(c * 3));
        }
        Study alike = study with { States = states, Cells = new ReferenceCells(study.Cells.Names, SparseMatrix.FromDense(n, Genes, counts), study.Cells.SampleOf, study.Cells.Samples) };
        ContributionModel model = alike.Learn(alike.Shares(), [.. Enumerable.Range(0, Patients)], labelled);
        Assert.DoesNotContain(which == "quiet" ? 0 : -1, model.Programs.TypeOf);
        if (which == "all") Assert.Empty(model.Programs.TypeOf);
        Assert.All(model.PatientFeatures, v => Assert.InRange(v, -100, 100));
        ContributionValues cells = model.Cells();
        Assert.All(cells.Mean, v => Assert.True(double.IsFinite(v)));
        if (which == "all" && !labelled) Assert.All(cells.Mean, v => Assert.Equal(cells.Mean[0], v, 1e-9));
    }

    private static Study Make(int cellsPerType = CellsPerType)
    {
        var random = new RandomStream(RandomKey.From(1, "contribution model study"));
        int n = 2 * cellsPerType;
        double[,] rate = new double[2, Genes];
        double[] effect = new double[Genes];
        for (int g = 0; g < Genes; g++)
        {
            for (int t = 0; t < 2; t++) rate[t, g] = Math.Exp(1 + 0.8 * random.NextNormal());
            effect[g] = g < Moving ? 0.35 * (g % 2 == 0 ? 1 : -1) : 0;
        }
        double Rate(int type, double state, int g) => rate[type, g] * Math.Exp(type == 1 ? effect[g] * state : 0);
        int[] typeOf = [.. Enumerable.Range(0, n).Select(c => c % 2)];
        double[] state = [.. Enumerable.Range(0, n).Select(_ => random.NextNormal())];
        float[] counts = new float[n * Genes], states = new float[n * 3];
        for (int c = 0; c < n; c++)
        {
            for (int g = 0; g < Genes; g++) counts[c * Genes + g] = random.NextPoisson(Rate(typeOf[c], state[c], g));
            for (int d = 0; d < 3; d++) states[c * 3 + d] = (float)((d == 0 ? 4 * typeOf[c] : 0) + 0.3 * random.NextNormal());
        }
        double[] share = new double[Patients], patientState = new double[Patients], time = new double[Patients], eta = new double[Patients];
        float[] bulk = new float[Patients * Genes];
        for (int s = 0; s < Patients; s++)
        {
            (share[s], patientState[s]) = (0.3 + 0.4 * random.NextUniform(), 0.8 * random.NextNormal());
            for (int g = 0; g < Genes; g++) bulk[s * Genes + g] = random.NextPoisson(200 * ((1 - share[s]) * Rate(0, 0, g) + share[s] * Rate(1, patientState[s], g)));
            eta[s] = 3 * share[s] * patientState[s];
            time[s] = random.NextExponential() / Math.Exp(eta[s]) + 1e-6;
        }
        string[] Names(string prefix, int count) => [.. Enumerable.Range(0, count).Select(i => prefix + i)];
        var cells = new ReferenceCells(Names("cell", n), SparseMatrix.FromDense(n, Genes, counts), [.. Enumerable.Range(0, n).Select(c => c / 2 % 2)], ["a", "b"]);
        return new Study(cells, states, typeOf, state, Mixtures.From(Names("patient", Patients), SparseMatrix.FromDense(Patients, Genes, bulk)), share, patientState, eta,
            new SurvivalData(time, [.. time.Select(_ => random.NextUniform() < 0.8)]));
    }

    private static double Correlation(double[] a, double[] b) => Analysis.Statistics.Correlation.Pearson(a, b).Coefficient;

    private sealed record Study(ReferenceCells Cells, float[] States, int[] TypeOf, double[] State, Mixtures Mixtures, double[] Share, double[] PatientState, double[] Eta, SurvivalData Survival)
    {
        internal double[] Truth => [.. TypeOf.Select((t, c) => t == 1 ? 3 * State[c] : 0)];

        // What a deconvolution finds that knows types only.
        internal float[] Shares()
        {
            var shares = new float[TypeOf.Length * Patients];
            for (int c = 0; c < TypeOf.Length; c++)
                for (int s = 0; s < Patients; s++) shares[c * Patients + s] = (float)((TypeOf[c] == 1 ? Share[s] : 1 - Share[s]) / (TypeOf.Length / 2));
            return shares;
        }

        internal static GeneParameters Response()
        {
            var genes = new GeneParameters("test", Genes);
            genes.Scale.Span.Fill(0.5413f); // softplus: 1
            genes.Offset.Span.Fill(-20);
            genes.Dispersion.Span.Fill(100);
            return genes;
        }

        internal ContributionModel Learn(float[] shares, int[] learn, bool labelled = true, int threads = 1)
        {
            CategoricalColumn? labels = labelled ? CategoricalColumn.FromLabels([.. TypeOf.Select(t => t == 0 ? "quiet" : "stirring")]) : null;
            return ContributionModel.Learn(States, Cells, labels, Response(), Mixtures, new RowStore(TypeOf.Length, Patients, shares), learn, new PartialLikelihood(Survival.Subset(learn)), null, RandomKey.From(0, "test"), threads);
        }
    }
}
