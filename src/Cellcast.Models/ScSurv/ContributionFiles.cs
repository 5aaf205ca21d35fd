using Cellcast.Tensors.Io;

namespace Cellcast.Models.ScSurv;

/// <summary>A <see cref="ContributionModel"/> as tensors: <c>contributions.safetensors</c> of a model's folder. Latent states of the reference are those of <c>reference.safetensors</c>.</summary>
internal static class ContributionFiles
{
    internal const string File = "contributions.safetensors";

    internal static SafetensorsWriter Tensors(ContributionModel model)
    {
        ContributionParts p = model.Parts;
        int genes = p.Programs.Genes, k = p.Programs.Count, f = p.Basis.Features, types = p.TypeNames.Length;
        var writer = new SafetensorsWriter();
        if (model.PatientVariance.Length > 0) writer.Add("patient_variance", model.PatientVariance, model.PatientVariance.Length);
        if (p.Correction is { } c)
            writer.Add("share_profiles", c.Profiles, c.Profiles.Length / Math.Max(1, genes), genes).Add("share_scale", c.Scale, genes).Add("share_weight", c.Weight, genes)
                .Add("share_variance", c.Variance, c.Variance.Length).Add("share_inflation", new[] { c.Inflation }, 1).Add("share_unexplained", c.Unexplained, c.Unexplained.Length / Math.Max(1, genes), genes);
        if (p.Shares.Backgrounds > 0) writer.Add("background_effects", p.Shares.Background, p.Shares.Backgrounds, genes);
        return writer
            .Add("type_of", p.TypeOf, p.TypeOf.Length)
            .Add("scores", p.Scores.Values, p.TypeOf.Length, p.Scores.Width)
            .Add("program_type", p.Programs.TypeOf, k)
            .Add("program_loadings", p.Programs.Loadings, k, genes)
            .Add("program_offsets", p.Programs.Offsets, k, p.Programs.Samples + 2)
            .Add("program_noise", p.Programs.Noise, k)
            .Add("program_effects", p.Shares.Effects, k, genes)
            .Add("program_covariance", p.Shares.Covariance, k, k)
            .Add("type_profiles", p.Shares.Profiles, types, genes)
            .Add("gene_scale", p.Shares.Response.Scale, genes)
            .Add("gene_offset", p.Shares.Response.Offset, genes)
            .Add("gene_dispersion", p.Shares.Response.Dispersion, genes)
            .Add("inducing", p.Basis.Inducing, p.Basis.Inducing.Length / p.Basis.Latent, p.Basis.Latent)
            .Add("program_deviation", p.Basis.ProgramDeviation, k)
            .Add("center", p.Fit.Center, f)
            .Add("strengths", p.Fit.Strengths, p.Fit.Strengths.Length)
            .Add("strength_alternatives", p.Fit.Alternatives.SelectMany(a => a.Strengths).ToArray(), p.Fit.Alternatives.Count, p.Fit.Strengths.Length)
            .Add("mode_coefficients", p.Fit.Mode.Coefficients, f)
            .Add("mode_covariance", p.Fit.Mode.Covariance, f, f)
            .Add("strength_weights", p.Fit.Alternatives.Select(a => a.Weight).ToArray(), p.Fit.Alternatives.Count)
            .Add("coefficients", p.Fit.Coefficients, f)
            .Add("covariance", p.Fit.Covariance, f, f)
            .Add("patient_features", p.PatientFeatures, p.PatientFeatures.Length / f, f)
            .Add("scalars", new double[] { p.Basis.LengthScale, p.Shares.Inflation, p.DistanceLimit, p.MisfitLimit }, 4);
    }

    internal static ContributionModel Read(string path, IReadOnlyList<string> types, float[] states, int latent, int genes, int samples)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        double[] Doubles(string name) => file.ReadDoubles(name);
        int[] Integers(string name) => [.. file.ReadIntegers(name).Select(i => checked((int)i))];
        double[] scalars = Doubles("scalars");
        int[] typeOf = Integers("type_of"), programType = Integers("program_type");
        if (typeOf.Length * latent != states.Length || scalars.Length != 4) throw new InvalidDataException($"{File} does not fit the other files of the model");
        var programs = new ExpressionPrograms(genes, samples, programType, Doubles("program_loadings"), Doubles("program_offsets"), Doubles("program_noise"));
        var response = new GeneResponse(Doubles("gene_scale"), Doubles("gene_offset"), Doubles("gene_dispersion"));
        var shares = new ProgramShares(programType, Doubles("type_profiles"), Doubles("program_effects"), file.Contains("background_effects") ? Doubles("background_effects") : [], response, scalars[1], Doubles("program_covariance"));
        var basis = new ContributionBasis(Doubles("inducing"), latent, scalars[0], types.Count, Doubles("program_deviation"), programType, shares.Backgrounds);
        var fit = new ContributionFit(basis.Components, Doubles("center"), Doubles("strengths"), Doubles("coefficients"), Doubles("covariance"));
        // Models written before strengths were averaged over have the most probable ones only.
        if (file.Contains("strength_weights"))
        {
            double[] strengths = Doubles("strength_alternatives"), weights = Doubles("strength_weights");
            int components = fit.Strengths.Length;
            if (strengths.Length != weights.Length * components) throw new InvalidDataException($"{File} does not fit the other files of the model");
            fit = fit.WithAlternatives([.. weights.Select((w, i) => new StrengthAlternative(strengths[(i * components)..((i + 1) * components)], w))],
                new ContributionFit(basis.Components, fit.Center, fit.Strengths, Doubles("mode_coefficients"), Doubles("mode_covariance")));
            if (fit.Mode.Coefficients.Length != fit.Coefficients.Length || fit.Mode.Covariance.Length != fit.Covariance.Length) throw new InvalidDataException($"{File} does not fit the other files of the model");
        }
        int k = programType.Length, f = basis.Features;
        if (programs.Loadings.Length != k * genes || programs.Noise.Length != k || programs.Offsets.Length != k * (samples + 2) || shares.Effects.Length != k * genes || shares.Background.Length % genes != 0 || shares.Profiles.Length != types.Count * genes
            || response.Scale.Length != genes || response.Offset.Length != genes || response.Dispersion.Length != genes || basis.ProgramDeviation.Length != k || shares.Covariance.Length != k * k
            || fit.Center.Length != f || fit.Coefficients.Length != f || fit.Covariance.Length != f * f)
            throw new InvalidDataException($"{File} does not fit the other files of the model");
        return new ContributionModel(new ContributionParts([.. types], typeOf, states, programs, Scores(Doubles("scores"), programType, typeOf), shares, basis, fit, Doubles("patient_features"), scalars[2], scalars[3])
        {
            PatientVariance = file.Contains("patient_variance") ? Doubles("patient_variance") : [],
            Correction = file.Contains("share_profiles") ? Correction(file, genes) : null,
        });
    }

    private static TypeShareCorrection Correction(SafetensorsFile file, int genes)
    {
        if (!file.Contains("share_weight")) throw new InvalidDataException($"{File} was written by a version that read shares of types from the counts in another way: fit the model again");
        return new TypeShareCorrection(genes, file.ReadDoubles("share_profiles"), file.ReadDoubles("share_scale"), file.ReadDoubles("share_weight"), file.ReadDoubles("share_variance"), file.ReadDoubles("share_inflation")[0],
            file.ReadDoubles("share_unexplained"));
    }

    /// <summary>Scores as they are kept now, N x those of one type, or as they were, N x K. Where one type has all programs the two are the same.</summary>
    private static ProgramScores Scores(double[] values, int[] programType, int[] typeOf)
    {
        int k = programType.Length;
        if (values.LongLength != (long)typeOf.Length * k || k == ProgramScores.WidthOf(programType)) return new ProgramScores(programType, typeOf, values);
        var scores = new ProgramScores(programType, typeOf);
        for (int c = 0; c < typeOf.Length; c++)
        {
            Span<double> own = scores.Own(c);
            values.AsSpan(c * k + scores.First(c), own.Length).CopyTo(own);
        }
        return scores;
    }
}
